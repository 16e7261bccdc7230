"""Model files run nothing while they are loaded, and nothing but the file itself is read."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import h5py
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402

import signalscreen as ss  # noqa: E402
from signalscreen.errors import ModelError  # noqa: E402
from signalscreen.model_files.admitted import OPS  # noqa: E402
from signalscreen.model_files.saved_ops import COMPUTING  # noqa: E402

SPEC = [tf.TensorSpec((None, 4))]


class Writing(tf.lookup.StaticHashTable):
    """A table whose initialiser, which TensorFlow runs while it loads the file, writes a file as well."""

    def __init__(self, path):
        self.path = path
        super().__init__(tf.lookup.KeyValueTensorInitializer(["a"], [1]), 0)

    def _initialize(self):
        tf.io.write_file(self.path, "written")
        return super()._initialize()


class Clean(tf.Module):
    def __init__(self, path):
        self.table = Writing(path)
        self.weight = tf.Variable(tf.fill((4, 1), 3.0))

    @tf.function(input_signature=SPEC)
    def __call__(self, x):
        return x @ self.weight

    @tf.function(input_signature=SPEC)
    def labelled(self, x):
        return x * tf.cast(self.table.lookup(tf.constant("a")), tf.float32)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "written.txt"
    module = Clean(str(path))
    clean = {"serving_default": module.__call__, "labels": module.labelled}
    tf.saved_model.save(module, str(tmp_path / "clean"), signatures=clean)
    tf.saved_model.save(module, str(tmp_path / "used"), signatures=module.labelled)
    path.unlink(missing_ok=True)
    return path


def test_an_initialiser_beside_the_served_function_does_not_run(written, tmp_path):
    model = ss.load_model(tmp_path / "clean")
    np.testing.assert_allclose(np.asarray(model(np.ones((1, 4), np.float32))), [[12.0]])
    assert not written.exists()
    tf.saved_model.load(str(tmp_path / "clean"))
    assert written.exists()  # the file does write where TensorFlow loads it


def test_a_table_in_the_served_function_is_refused(written, tmp_path):
    with pytest.raises(ModelError, match=r"LookupTableFindV2|holds a resource"):
        ss.load_model(tmp_path / "used")
    assert not written.exists()


def saved(folder, function):
    module = tf.Module()
    module.call = tf.function(function, input_signature=SPEC)
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return folder


def nested(x):
    inner = tf.function(lambda v: v + tf.cast(tf.io.write_file("written", "x") is None, v.dtype))
    return tf.while_loop(lambda a: tf.reduce_sum(a) > 100, lambda a: (inner(a),), (x,))[0]


def drawn(x):
    return tf.strings.to_number(tf.io.read_file("secret")) + x


def counted(x):
    rows = tf.data.FixedLengthRecordDataset("secret", 4)
    return x + rows.reduce(0.0, lambda a, b: a + tf.cast(tf.strings.length(b), tf.float32))


@pytest.mark.parametrize(
    ("function", "op"), [(nested, "WriteFile"), (drawn, "ReadFile"), (counted, "FixedLengthRecordDatasetV2")]
)
def test_ops_are_refused_by_name_before_anything_is_loaded(tmp_path, monkeypatch, function, op):
    folder = saved(tmp_path / "net", function)
    monkeypatch.setattr(tf.saved_model, "load", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ModelError, match=rf"ops that no network has.*{op}.*TFSMLayer"):
        ss.load_model(folder)


def test_a_function_named_like_an_op_is_no_way_in(tmp_path):
    folder = saved(tmp_path / "net", lambda x: x + 1)
    file = folder / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    library = message.meta_graphs[0].graph_def.library.function
    library[0].node_def.add(name="w", op="WriteFile", input=["x", "x"])
    for function in library:
        copy = library.add()
        copy.CopyFrom(function)
        copy.signature.name = "WriteFile"
        break
    for function in library:
        function.node_def.add(name="w2", op="WriteFile", input=["x", "x"])
    file.write_bytes(message.SerializeToString())
    with pytest.raises(ModelError, match="WriteFile"):
        ss.load_model(folder)


def test_the_list_holds_no_op_that_reaches_out():
    words = (
        "File",
        "Dataset",
        "PyFunc",
        "Save",
        "Restore",
        "Summary",
        "Table",
        "Queue",
        "Print",
        "Reader",
        "Iterator",
    )
    assert not [op for op in COMPUTING if any(word in op for word in words)]
    assert OPS < COMPUTING


def test_a_graph_of_tensorflow_1(tmp_path):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 4), "x")
        weight = v1.get_variable("w", (4, 1), use_resource=False, initializer=v1.constant_initializer(2.0))
        shift = v1.get_variable("b", (1,), use_resource=True, initializer=v1.constant_initializer(1.0))
        session.run(v1.global_variables_initializer())
        main = tf.io.write_file(str(tmp_path / "written"), "x")
        builder = v1.saved_model.Builder(str(tmp_path / "net"))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": x @ weight + shift})
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature}, main_op=main)
        builder.save()
    model = ss.load_model(tmp_path / "net")
    np.testing.assert_allclose(np.asarray(model(np.ones((1, 4), np.float32))), [[9.0]])
    assert not (tmp_path / "written").exists()


def network():
    return keras.Sequential([keras.Input((4, 1)), keras.layers.Conv1D(2, 2, name="conv"), keras.layers.Flatten()])


def spoil(file, kind, outside):
    names: list[str] = []
    file.visititems(lambda name, held: names.append(name) if isinstance(held, h5py.Dataset) else None)
    name, shape = names[0], file[names[0]].shape
    del file[name]
    if kind == "external link":
        file[name] = h5py.ExternalLink(str(outside), "secret")
    elif kind == "soft link":
        file["out"] = h5py.ExternalLink(str(outside), "/")
        file[name] = h5py.SoftLink("/out/secret")
    elif kind == "external array":
        file.create_dataset(name, shape, "f4", external=[(str(outside), 0, h5py.h5f.UNLIMITED)])
    elif kind == "virtual array":
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(str(outside), "secret", shape)
        file.create_virtual_dataset(name, layout)
    else:
        file.create_dataset(name, (1 << 34,), "f4", chunks=(1 << 16,), compression="gzip")


@pytest.mark.filterwarnings("ignore:.*HDF5:UserWarning")
@pytest.mark.parametrize("suffix", [".h5", ".keras", ".weights.h5"])
@pytest.mark.parametrize("kind", ["external link", "soft link", "external array", "virtual array", "bomb"])
def test_hdf5_reads_nothing_else(tmp_path, suffix, kind):
    outside = tmp_path / "outside.h5"
    with h5py.File(outside, "w") as file:
        file["secret"] = np.ones((2, 1, 2), np.float32)
    model, path = network(), tmp_path / f"net{suffix}"
    arguments = {}
    if suffix == ".weights.h5":
        model.save_weights(path)
        (tmp_path / "net.json").write_text(model.to_json())
        arguments = {"weights": path}
    else:
        model.save(path)
    target = path
    if suffix == ".keras":
        target = tmp_path / "inner.h5"
        with ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        target.write_bytes(parts["model.weights.h5"])
    with h5py.File(target, "r+") as file:
        spoil(file, kind, outside)
    if suffix == ".keras":
        parts["model.weights.h5"] = target.read_bytes()
        with ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
    said = "in memory" if kind == "bomb" else "lie in another file"
    with pytest.raises(ModelError, match=said):
        ss.load_model(tmp_path / "net.json" if arguments else path, **arguments)


def test_a_zip_that_unpacks_to_far_more(tmp_path):
    path: Path = tmp_path / "net.keras"
    network().save(path)
    with ZipFile(path, "a", ZIP_DEFLATED) as archive, archive.open("assets/zeros", "w") as member:
        for _ in range(100):
            member.write(bytes(1 << 20))
    with pytest.raises(ModelError, match=r"would become 104,.*in memory, and at most"):
        ss.load_model(path)
