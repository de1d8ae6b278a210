"""Facet on emulated machines: `make arm` and `make vm`, as root.

clip.py       the clip that each of them analyzes, and the difference of two machines' rows
crops.py      the crops of its faces, which each of them classifies
report.py     the table of checks, printed and written into docs/machines.md
debian.py     Debian systems by debootstrap, kept in /var/tmp between runs
arm.py        the Pi's processor: programs of arm64 Debian trees, each translated by qemu-user
image.py      a disk with Debian 13, its stock kernel and a camera's driver
guest.py      a computer that boots it in qemu-system, runs commands, and loses its power
scene.py      the picture for its camera
power.py      the rows of a log before and after a power cut
booted.py     the checks on that computer
csi.py        the check of the double on which CSI cameras are tested
vm.py         all of that in turn
"""
