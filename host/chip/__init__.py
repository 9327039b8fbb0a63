"""The emulated chip: the very objects of a build, run under QEMU, with a world around them."""
