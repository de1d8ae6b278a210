/* A V4L2 driver for tests, loaded before libc (LD_PRELOAD): files stand for /dev/videoN.

   Structures and ioctl numbers are those of the kernel's header; OpenCV reads it like a camera.

   $V4L2_DOUBLE is the folder that programs see as /dev. The first word of its file videoN is the
   camera's state (alive, silent, hung, busy, metadata; no file: unplugged), the second names the
   JPEG file that is its picture. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 1024
#define BUFFERS 32

static const unsigned SIZES[][2] = {{640, 480}, {1280, 720}, {1920, 1080}};
static const unsigned FORMATS[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG};

struct camera {
  int used;
  char path[512];
  unsigned width, height, format, fps;
  void *memory[BUFFERS];
  unsigned waiting[BUFFERS], first, last; /* buffers to be filled, in a ring */
};
static struct camera cameras[MAX_DESCRIPTORS];

static int refuse(int reason) {
  errno = reason;
  return -1;
}

static struct camera *at(int descriptor) {
  int known = descriptor >= 0 && descriptor < MAX_DESCRIPTORS && cameras[descriptor].used;
  return known ? &cameras[descriptor] : NULL;
}

/* Return the file that stands for a path. */
static const char *redirect(const char *path, char *buffer, size_t size) {
  const char *folder = getenv("V4L2_DOUBLE");
  if (!folder || !path || strncmp(path, "/dev/video", 10)) return path;
  snprintf(buffer, size, "%s/%s", folder, path + 5);
  return buffer;
}

static int claim(int descriptor, const char *path, const char *asked) {
  if (descriptor >= 0 && descriptor < MAX_DESCRIPTORS && path != asked) {
    struct camera *camera = &cameras[descriptor];
    memset(camera, 0, sizeof *camera);
    camera->used = 1;
    camera->format = V4L2_PIX_FMT_YUYV;
    camera->fps = 30;
    snprintf(camera->path, sizeof camera->path, "%s", path);
  }
  return descriptor;
}

#define OPEN(name)                                                        \
  int name(const char *path, int flags, ...) {                            \
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);        \
    char buffer[512];                                                     \
    const char *redirected = redirect(path, buffer, sizeof buffer);       \
    va_list rest;                                                         \
    va_start(rest, flags);                                                \
    int mode = va_arg(rest, int);                                         \
    va_end(rest);                                                         \
    return claim(real(redirected, flags, mode), redirected, path);        \
  }
OPEN(open)
OPEN(open64)

DIR *opendir(const char *path) {
  DIR *(*real)(const char *) = dlsym(RTLD_NEXT, "opendir");
  const char *folder = getenv("V4L2_DOUBLE");
  return real(folder && !strcmp(path, "/dev") ? folder : path);
}

int close(int descriptor) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  if (at(descriptor)) cameras[descriptor].used = 0;
  return real(descriptor);
}

/* Read the camera's state and its picture's file. */
static void read_state(struct camera *camera, char state[32], char picture[512]) {
  FILE *file = fopen(camera->path, "r");
  strcpy(state, "unplugged");
  picture[0] = 0;
  if (!file) return;
  if (fscanf(file, "%31s %511s", state, picture) < 1) strcpy(state, "alive");
  fclose(file);
}

static void take_nearest(struct camera *camera, unsigned width, unsigned format) {
  int best = 0;
  for (int i = 1; i < 3; i++)
    if (abs((int)(SIZES[i][0] - width)) < abs((int)(SIZES[best][0] - width))) best = i;
  camera->width = SIZES[best][0];
  camera->height = SIZES[best][1];
  camera->format = format == FORMATS[1] ? FORMATS[1] : FORMATS[0];
}

static unsigned room_for(struct camera *camera) { return camera->width * camera->height * 2; }

static unsigned fill(struct camera *camera, unsigned char *memory, const char *picture) {
  if (camera->format == V4L2_PIX_FMT_MJPEG) {
    FILE *file = fopen(picture, "rb");
    if (!file) return 0;
    unsigned length = fread(memory, 1, room_for(camera), file);
    fclose(file);
    return length;
  }
  for (unsigned i = 0; i < room_for(camera); i += 4) { /* red, as Y U Y V */
    memory[i] = memory[i + 2] = 81;
    memory[i + 1] = 90;
    memory[i + 3] = 240;
  }
  return room_for(camera);
}

static int answer(struct camera *camera, unsigned request, void *asked) {
  char state[32], picture[512];
  read_state(camera, state, picture);
  if (!strcmp(state, "unplugged")) return refuse(ENODEV);
  int busy = !strcmp(state, "busy"), metadata = !strcmp(state, "metadata");
  switch (request) {
    case VIDIOC_QUERYCAP: {
      struct v4l2_capability *it = asked;
      memset(it, 0, sizeof *it);
      strcpy((char *)it->driver, "uvcvideo");
      strcpy((char *)it->card, "Double Cam");
      strcpy((char *)it->bus_info, "usb-0000:00:14.0-1");
      it->device_caps = metadata ? V4L2_CAP_META_CAPTURE : V4L2_CAP_VIDEO_CAPTURE;
      it->device_caps |= V4L2_CAP_STREAMING;
      it->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
      it->capabilities |= V4L2_CAP_DEVICE_CAPS;
      return 0;
    }
    case VIDIOC_ENUM_FMT: {
      struct v4l2_fmtdesc *it = asked;
      if (it->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || it->index > 1) return refuse(EINVAL);
      it->pixelformat = FORMATS[it->index];
      return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
      struct v4l2_frmsizeenum *it = asked;
      int known = it->pixel_format == FORMATS[0] || it->pixel_format == FORMATS[1];
      if (!known || it->index > 2) return refuse(EINVAL);
      it->type = V4L2_FRMSIZE_TYPE_DISCRETE;
      it->discrete.width = SIZES[it->index][0];
      it->discrete.height = SIZES[it->index][1];
      return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
      struct v4l2_frmivalenum *it = asked;
      if (it->index > 1) return refuse(EINVAL);
      int slow = it->pixel_format == V4L2_PIX_FMT_YUYV && it->width * it->height > 640 * 480;
      it->type = V4L2_FRMIVAL_TYPE_DISCRETE;
      it->discrete.numerator = it->index ? 1 : 2; /* half the rate, then all of it */
      it->discrete.denominator = slow ? 10 : 30;
      return 0;
    }
    case VIDIOC_S_FMT:
    case VIDIOC_G_FMT: {
      struct v4l2_format *it = asked;
      struct v4l2_pix_format *pixels = &it->fmt.pix;
      if (it->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return refuse(EINVAL);
      if (request == VIDIOC_S_FMT) take_nearest(camera, pixels->width, pixels->pixelformat);
      pixels->width = camera->width;
      pixels->height = camera->height;
      pixels->pixelformat = camera->format;
      pixels->field = V4L2_FIELD_NONE;
      pixels->bytesperline = camera->format == V4L2_PIX_FMT_YUYV ? camera->width * 2 : 0;
      pixels->sizeimage = room_for(camera);
      return 0;
    }
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM: {
      struct v4l2_streamparm *it = asked;
      struct v4l2_fract *interval = &it->parm.capture.timeperframe;
      if (it->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return refuse(EINVAL);
      if (request == VIDIOC_S_PARM)
        camera->fps = interval->denominator > 30 ? 30 : interval->denominator;
      interval->numerator = 1;
      interval->denominator = camera->fps;
      return 0;
    }
    case VIDIOC_REQBUFS: {
      struct v4l2_requestbuffers *it = asked;
      if (it->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || it->memory != V4L2_MEMORY_MMAP)
        return refuse(EINVAL);
      if (busy) return refuse(EBUSY);
      camera->first = camera->last = 0;
      return 0;
    }
    case VIDIOC_QUERYBUF: {
      struct v4l2_buffer *it = asked;
      it->length = room_for(camera);
      it->m.offset = it->index << 20;
      return 0;
    }
    case VIDIOC_QBUF: {
      struct v4l2_buffer *it = asked;
      camera->waiting[camera->last++ % BUFFERS] = it->index;
      return 0;
    }
    case VIDIOC_DQBUF: {
      struct v4l2_buffer *it = asked;
      if (!strcmp(state, "silent") || camera->first == camera->last) return refuse(EAGAIN);
      while (!strcmp(state, "hung")) { /* and with it the caller */
        usleep(20000);
        read_state(camera, state, picture);
      }
      usleep(1000000 / camera->fps);
      it->index = camera->waiting[camera->first++ % BUFFERS];
      it->length = room_for(camera);
      it->bytesused = fill(camera, camera->memory[it->index], picture);
      it->flags = V4L2_BUF_FLAG_DONE;
      return 0;
    }
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
      return 0;
  }
  return refuse(ENOTTY);
}

int ioctl(int descriptor, unsigned long request, ...) {
  int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
  va_list rest;
  va_start(rest, request);
  void *asked = va_arg(rest, void *);
  va_end(rest);
  struct camera *camera = at(descriptor);
  return camera ? answer(camera, (unsigned)request, asked) : real(descriptor, request, asked);
}

#define MMAP(name, offset_type)                                                                \
  void *name(void *start, size_t length, int protect, int flags, int file, offset_type from) { \
    void *(*real)(void *, size_t, int, int, int, offset_type) = dlsym(RTLD_NEXT, #name);       \
    struct camera *camera = at(file);                                                          \
    if (!camera) return real(start, length, protect, flags, file, from);                       \
    int anew = MAP_PRIVATE | MAP_ANONYMOUS;                                                    \
    return camera->memory[from >> 20] =                                                        \
               real(NULL, length, PROT_READ | PROT_WRITE, anew, -1, 0);                        \
  }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

int select(int count, fd_set *read, fd_set *write, fd_set *fault, struct timeval *limit) {
  int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *) = dlsym(RTLD_NEXT, "select");
  struct camera *camera = at(count - 1);
  if (!camera) return real(count, read, write, fault, limit);
  for (long left_ms = limit->tv_sec * 1000; left_ms > 0; left_ms -= 20) {
    char state[32], picture[512];
    read_state(camera, state, picture);
    if (strcmp(state, "silent")) return 1;
    usleep(20000);
  }
  return 0;
}
