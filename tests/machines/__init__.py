"""Facet on whole machines that this computer pretends to be: `make arm` and `make vm`, as root.

clip.py       the film that all of them are shown, and what the rows of two machines differ by
crops.py      its faces, cut out once, for all of them to tell
report.py     the table of what was checked, printed and written into docs/machines.md
debian.py     Debian systems by debootstrap, kept in /var/tmp between runs
arm.py        the Pi's processor: programs of arm64 Debian trees, each translated by qemu-user
image.py      a disk with Debian 13, its stock kernel and a camera's driver
guest.py      a computer that boots it in qemu-system, obeys, and loses its power
scene.py      what its camera sees
power.py      what a log has to be like after its power went
booted.py     the checks on it
csi.py        the check of the double on which CSI cameras are tested
vm.py         all of that in turn
"""
