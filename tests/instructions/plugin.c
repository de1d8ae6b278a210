/* A plugin of qemu-user: writes the instructions executed since the mark before, a line each.
 *
 *     qemu-aarch64 -plugin plugin.so,out=FILE PROGRAM
 *
 * A mark is the system call getpgid, which nothing else in the program makes. Debian has no
 * package with qemu-plugin.h: these declarations are its version 1, which qemu 9 replaced.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GETPGID 155 /* on aarch64 */
#define ADD 0

struct qemu_plugin_tb;
typedef void on_block(uint64_t id, struct qemu_plugin_tb *block);
typedef void on_call(uint64_t id, unsigned thread, int64_t number, uint64_t, uint64_t, uint64_t,
                     uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, on_block *block);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int op, void *to,
                                              uint64_t by);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, on_call *call);

int qemu_plugin_version = 1;
static uint64_t instructions;
static FILE *out;

static void translated(uint64_t id, struct qemu_plugin_tb *block) {
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD, &instructions,
                                             qemu_plugin_tb_n_insns(block));
}

static void called(uint64_t id, unsigned thread, int64_t number, uint64_t a, uint64_t b,
                   uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
    if (number == GETPGID) {
        fprintf(out, "%" PRIu64 "\n", instructions);
        fflush(out);
        instructions = 0;
    }
}

int qemu_plugin_install(uint64_t id, const void *info, int count, char **arguments) {
    if (count != 1 || strncmp(arguments[0], "out=", 4) || !(out = fopen(arguments[0] + 4, "w")))
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
