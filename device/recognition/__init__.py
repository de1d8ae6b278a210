"""Known people: who agreed to be recognised, and which face is whose; unknown is the default.

    device/people/  enrol -> file    a person's photos become a template, in a file of their own
                    recognise        a track's face becomes one as well, and match names it

Run by `python -m device.people` and `device.run --people`; nothing else of Facet loads this folder.
"""
