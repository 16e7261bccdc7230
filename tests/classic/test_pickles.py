"""Pickles: what NumPy wrote, by any version, is read; whatever else they ask for is refused by name and not run."""

import builtins
import io
import os
import pickle
import pickletools
import struct
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from signalscreen.classic.files import read_examples
from signalscreen.classic.pickles import read_pickle
from signalscreen.errors import InputError

DTYPES = ("?", "<i1", "<u2", ">i4", "<i8", "<f2", "<f4", ">f8", "<c16", "<U3", "|S2")


@pytest.fixture
def saved(tmp_path):
    def save(content):
        path = tmp_path / "d.pkl"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
        return path

    return save


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, dict):
        same(list(a.items()), list(b.items()))
    else:
        assert a == b


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("order", ["C", "F", "transposed"])
def test_arrays_of_every_dtype_and_protocol(saved, protocol, order):
    rng = np.random.default_rng(0)
    found = [rng.integers(0, 2, (2, 3, 4)).astype(dtype) for dtype in DTYPES]
    found = [a.transpose(1, 2, 0) if order == "transposed" else np.asarray(a, order=order) for a in found]
    same(read_pickle(saved(pickle.dumps(found, protocol))), found)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_containers_and_scalars(saved, protocol):
    value = (
        [1, -(2**70), 2.5, True, None, "ä", b"\xff\x00"],
        {"X": np.empty((0, 3)), 3: (np.float32(1.5), np.int8(-2), np.bool_(True), np.str_("ab"))},
    )
    same(read_pickle(saved(pickle.dumps(value, protocol))), value)


@given(
    value=arrays.arrays(
        st.sampled_from([np.dtype(d) for d in DTYPES]), arrays.array_shapes(max_dims=3, max_side=4, min_side=0)
    ),
    protocol=st.integers(0, pickle.HIGHEST_PROTOCOL),
)
def test_whatever_numpy_pickles_comes_back(tmp_path_factory, value, protocol):
    path = tmp_path_factory.getbasetemp() / "any.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    found = read_pickle(path)
    assert (found.dtype, found.shape) == (value.dtype, value.shape)
    assert found.tobytes() == value.tobytes()


def test_both_names_of_numpys_core(saved):
    content = pickle.dumps((np.arange(3.0), np.float64(2)), 2)
    new, old = b"numpy._core.multiarray", b"numpy.core.multiarray"
    assert (new in content) != (old in content)
    for name in (new, old):
        renamed = content.replace(new, b"<core>").replace(old, b"<core>").replace(b"<core>", name)
        same(read_pickle(saved(renamed)), (np.arange(3.0), np.float64(2)))


def test_an_array_that_python_2_wrote(saved):
    # Python 2 wrote the bytes of an array as its native text: SHORT_BINSTRING, BINSTRING.
    raw = np.array([1.0, -2.0, 255.0]).tobytes()
    state = b"(K\x01K\x03\x85" + DTYPE_F8 + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR" + state
    same(read_pickle(saved(b"\x80\x02" + array + b".")), np.array([1.0, -2.0, 255.0]))


DTYPE_F8 = b"cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def test_examples_that_would_grow_without_end_are_refused(saved):
    value = [1.0]
    for _ in range(45):
        value = [value, value]  # a file of some hundred bytes
    with pytest.raises(InputError, match=r"the same lists over and over, to 4e\+13 values"):
        read_examples(saved((value, [0, 1])))
    once = np.arange(3.0)
    x, labels = read_examples(saved(([once] * 4, [0, 1, 0, 1])))
    assert x.shape == (4, 3)
    assert labels.tolist() == [0, 1, 0, 1]


def test_what_is_shared_stays_shared_and_does_not_grow(saved):
    value = [np.arange(3)]
    for _ in range(40):
        value = [value, value]  # 2**40 references
    found = read_pickle(saved(value))
    assert found[0] is found[1]
    deep = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(InputError, match="more than 50 deep"):
        read_pickle(saved(deep))
    endless = []
    endless.append(endless)
    with pytest.raises(InputError, match="more than 50 deep"):
        read_pickle(saved(endless))


class Calls:
    """Pickles to a call of anything with anything."""

    def __init__(self, function, *args):
        self.what = (function, args)

    def __reduce__(self):
        return self.what


def attack(module, name, *args):
    """A pickle that calls ``module.name(*args)``, by name alone: the function need not be picklable here."""
    out = b"\x80\x02c" + module.encode() + b"\n" + name.encode() + b"\n("
    for arg in args:
        out += pickle.dumps(arg, 2)[2:-1]
    return out + b"tR."


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_would_write_a_file_does_not(saved, tmp_path, protocol):
    target = tmp_path / "written"
    bad = saved(pickle.dumps((np.zeros(3), Calls(os.mkdir, str(target))), protocol))
    with pytest.raises(InputError, match=r"asks for posix\.mkdir, and nothing of it was run; pickles are read for"):
        read_pickle(bad)
    assert not target.exists()
    pickle.loads(bad.read_bytes())  # it truly would
    assert target.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("builtins", "getattr"),
        ("builtins", "set"),
        ("copy_reg", "_reconstructor"),
        ("copyreg", "_reconstructor"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy", "memmap"),
        ("numpy", "genfromtxt"),
        ("numpy", "dtype.__class__"),
        ("numpy", "ndarray.tofile"),
        ("numpy.core", "multiarray"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy._core.multiarray", "scalar.__self__"),
        ("numpy.core.numeric", "load"),
        ("numpy.f2py", "compile"),
        ("numpy.f2py.diagnose", "run_command"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy.distutils.exec_command", "exec_command"),
        ("numpy.lib.npyio", "NpzFile"),
        ("_codecs", "decode"),
        ("_codecs", "register"),
        ("codecs", "encode"),
        ("signalscreen.classic.pickles", "read_pickle"),
        ("Numpy", "dtype"),
        ("numpy ", "dtype"),
    ],
)
def test_names_are_admitted_exactly_or_refused_by_name(saved, module, name):
    with pytest.raises(InputError) as refused:
        read_pickle(saved(attack(module, name, "touch pwned")))
    assert f"asks for {module}.{name}" in str(refused.value)
    assert "NumPy arrays" in str(refused.value)


def test_dotted_names_by_stack_are_refused(saved):
    stacked = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."
    with pytest.raises(InputError, match=r"asks for numpy\.ndarray\.tofile"):
        read_pickle(saved(stacked))


def test_arrays_of_objects_are_refused(saved, tmp_path):
    called = tmp_path / "called"
    objects = np.array([None, Calls(os.mkdir, str(called))], dtype=object)
    for value in (objects, np.array([1, None], dtype=object), (np.zeros(2), objects)):
        with pytest.raises(InputError, match=r"asks for posix|holds values of dtype 'O8'"):
            read_pickle(saved(value))
    assert not called.exists()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros(2, [("a", "f4")]), "dtype 'V4'"),
        (np.array(["2020-01-01"], "datetime64[D]"), "dtype 'M8'"),
        (np.ma.array([1.0]), r"asks for numpy\.ma"),
        ({1, 2}, "holds a set|asks for"),
        (bytearray(b"ab"), "holds a bytearray|asks for"),
        (builtins.print, r"asks for builtins\.print"),
        (types.SimpleNamespace(a=1), "SimpleNamespace"),
        (np.dtype("f4"), "holds a DType"),
    ],
)
def test_what_is_no_plain_array_is_refused(saved, value, words):
    with pytest.raises(InputError, match=words):
        read_pickle(saved(value))


NDARRAY = b"cnumpy\nndarray\n"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(" + NDARRAY + b"K\x00\x85U\x01btR"


def state(shape, content):
    return b"(K\x01" + shape + DTYPE_F8 + b"\x89" + content + b"tb"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ARRAY, "without its shape"),
        (ARRAY + b"K\x05b", "without its shape"),
        (ARRAY + state(b"K\x63\x85", b"U\x08" + b"\0" * 8), "an array of 792 bytes in 8"),
        (ARRAY + state(b"J\xff\xff\xff\xff\x85", b"U\x08" + b"\0" * 8), "of no shape"),
        (ARRAY + state(b"U\x01a\x85", b"U\x08" + b"\0" * 8), "of no shape"),
        (ARRAY + state(b"K\x01\x85", b"]"), "of list objects"),
        (ARRAY + b"(K\x01K\x01\x85K\x02\x89U\x08" + b"\0" * 8 + b"tb", "without a dtype"),
        (NDARRAY + b"}U\x0c__setstate__K\x01sb", "gives a state to what has none"),  # change the reader itself
        (NDARRAY + b"N}U\x06_makerK\x01s\x86b", "gives a state to what has none"),
        (b"c_codecs\nencode\n(U\x01aU\x05rot13tR", "encoded as 'rot13'"),
        (b"cbuiltins\nbytes\n(K\x05tR", "asks for bytes"),
        (b"c_codecs\nencode\n(K\x01U\x06latin1tR", "encoded as"),
        (NDARRAY + b")\x81", "cannot be read"),  # NEWOBJ wants a class
        (b"U\x03pidQ", "kept outside"),
        (b"\x82\x01", "cannot be read"),  # the registry of extensions
        (b"cnumpy\ndtype\n(U\x03Of8tR", "dtype 'Of8'"),
        (b"garbage", "cannot be read"),
        (b"\x1f\x8b", r"byte 31 begins nothing that a pickle may hold"),  # a file of gzip
    ],
)
def test_odd_programs(saved, body, words):
    with pytest.raises(InputError, match=words):
        read_pickle(saved(b"\x80\x02" + body + b"."))
    same(read_pickle(saved(np.arange(3))), np.arange(3))  # the reader is what it was


def test_files_that_are_not_there_or_empty(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_pickle(tmp_path / "none.pkl")
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(InputError, match="is empty"):
        read_pickle(tmp_path / "empty.pkl")


def test_a_pickle_cut_short_at_any_byte_never_does_harm(saved):
    content = pickle.dumps((np.arange(4.0), [1, "a"]), 4)
    for length in range(1, len(content)):
        with pytest.raises(InputError) as refused:
            read_pickle(saved(content[:length]))
        assert "()" not in str(refused.value)  # it says why


@given(data=st.data())
def test_a_damaged_pickle_is_an_error_or_plain_data(tmp_path_factory, data):
    content = bytearray(pickle.dumps((np.arange(4.0), {"a": np.int8(1)}), data.draw(st.integers(0, 5))))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(bytes(content))
    try:
        read_pickle(path)
    except InputError:
        return
    asked = {str(arg) for op, arg, _ in pickletools.genops(io.BytesIO(content)) if op.name == "GLOBAL"}
    assert asked <= {
        "numpy dtype",
        "numpy ndarray",
        "_codecs encode",
        "__builtin__ bytes",
        *(f"numpy.{core}.multiarray {name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    }


@pytest.mark.parametrize("end", [b"}h\x3bNs.", b"}(h\x3bNu.", b"(h\x3bNd.", b"\x8f(h\x3b\x90.", b"(h\x3b\x91."])
def test_a_key_that_would_take_for_ever_to_hash_is_refused(tmp_path, end):
    doubled = b"".join(b"q%ch%c\x86" % (k, k) for k in range(1, 59))  # a tuple of itself twice, 58 times over
    path = tmp_path / "bomb.pkl"
    path.write_bytes(b"\x80\x04N" + doubled + b"q\x3b0" + end)
    with pytest.raises(InputError, match=r"containers as keys|holds a set"):
        read_pickle(path)


def test_a_dtype_that_is_no_text_is_refused(tmp_path):
    doubled = b"".join(b"q%ch%c\x86" % (k, k) for k in range(1, 59))
    path = tmp_path / "bomb.pkl"
    path.write_bytes(b"\x80\x04N" + doubled + b"q\x3b0cnumpy\ndtype\nh\x3b\x85R.")
    with pytest.raises(InputError, match="gives a tuple where text belongs"):
        read_pickle(path)
