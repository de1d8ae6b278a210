"""Facet on whole machines that this computer pretends to be: `make arm` and `make vm`, as root.

clip.py       the film that all of them are shown, and what the rows of two machines differ by
report.py     the table of what was checked, printed and written into docs/MACHINES.md
debian.py     Debian systems by debootstrap, kept in /var/tmp between runs
arm.py        the Pi's processor: programs of arm64 Debian trees, each translated by qemu-user
image.py      a disk with Debian 13, its stock kernel and a camera's driver
guest.py      a computer that boots it in qemu-system, obeys, and loses its power
vm.py         what is tried on it
"""
