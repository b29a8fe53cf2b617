"""A corpus of files with bad content: each is refused in plain words that name the file and, where there is one, the "
"row.

Nothing is written, nothing hangs, and a good file beside it (the positive control) is read.
"""

import io
import os

import numpy as np
import pytest
from PIL import Image

from netbuilder.data.preparation import prepare
from netbuilder.data.schemas import describe, is_stale, preview
from netbuilder.document.model import Node
from netbuilder.foundation.problem import NetbuilderError

GOOD = "size,weight,kind\n" + "".join(f"{row},{row * 1.5},{'ab'[row % 2]}\n" for row in range(40))


def prepare_table(file, base="", **parameters):
    return prepare(Node(id="n1", type="data.table", label="table", parameters={"file": str(file), **parameters}), base)


def refused(file, **parameters):
    with pytest.raises(NetbuilderError) as caught:
        prepare_table(file, **parameters)
    (problem,) = caught.value.problems
    assert problem.node == "n1"
    assert problem.message.endswith((".", "?", "'")), problem.message
    return problem


def csv_with(line, text):
    """The good table with one line (one-based, the header is 1) replaced."""
    lines = GOOD.splitlines()
    lines[line - 1] = text
    return "\n".join(lines).encode() + b"\n"


def png(size=(8, 8), mode="RGB", color=0):
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_good_table_is_read(tmp_path):
    path = tmp_path / "good.csv"
    path.write_text(GOOD)
    prepared = prepare_table(path)
    assert prepared.schema.rows == 40
    assert prepared.schema.fields[0].dims == (2,)
    assert prepared.schema.fields[1].classes == ("a", "b")


TABLES = {
    "zero bytes": (b"", {}, "data.empty_file", 0),
    "names only": (b"size,weight,kind\n", {}, "data.no_rows", 0),
    "too many values in a row": (csv_with(7, "5,7.5,b,9"), {}, "data.columns", 7),
    "too few values in a row": (csv_with(7, "5,7.5"), {}, "data.columns", 7),
    "a word among numbers": (csv_with(12, "10,heavy,a"), {}, "data.mixed", 12),
    "an infinite number": (csv_with(12, "10,inf,a"), {}, "data.infinite", 12),
    "a number beyond float32": (csv_with(12, "10,1e300,a"), {}, "data.infinite", 12),
    "half of UTF-16": (GOOD.encode("utf-16")[:-1], {}, "data.encoding", 0),
    "a spreadsheet": (b"PK\x03\x04" + bytes(100), {}, "data.encoding", 0),
    "binary": (csv_with(9, "7,1,\0\0"), {}, "data.damaged", 9),
    "a compressed table": (b"\x1f\x8b\x08" + bytes(range(200)), {}, "data.encoding", 0),
    "damaged Parquet": (b"PAR1" + bytes(500), {}, "data.damaged", 0),
    "truncated Parquet": (b"PAR1", {}, "data.damaged", 0),
    "an empty cell, asked to stop": (csv_with(5, "3,,b"), {"missing": "stop"}, "data.missing_value", 5),
    "an unknown target": (GOOD.encode(), {"target": "kinds"}, "data.unknown_column", 0),
    "an unknown feature": (GOOD.encode(), {"features": ("size", "height")}, "data.unknown_column", 0),
    "the target among the features": (GOOD.encode(), {"features": ("size", "kind")}, "data.target_in_features", 0),
    "one column": (b"size\n1\n2\n3\n", {}, "data.no_features", 0),
    "one class": (GOOD.replace(",b", ",a").encode(), {}, "data.classes", 0),
    "text for a regression": (GOOD.encode(), {"task": "regression"}, "data.text_target", 0),
    "no row without a gap": (b"size,weight,kind\n" + b"1,,a\n,2,b\n" * 20, {}, "data.no_rows", 0),
    "no row with a target": (b"size,weight,kind\n" + b"1,2,\n" * 20, {}, "data.no_rows", 0),
    "NaN for every target": (b"size,weight,kind\n" + b"1,2,NaN\n" * 20, {}, "data.no_rows", 0),
    "an empty feature": (
        b"size,weight,kind\n" + b"1,,a\n2,,b\n" * 20,
        {"missing": "mean", "features": ("size", "weight")},
        "data.empty_column",
        0,
    ),
    "an empty feature, rows with gaps left out": (
        b"size,weight,kind\n" + b"1,,a\n2,,b\n" * 20,
        {"features": ("size", "weight")},
        "data.empty_column",
        0,
    ),
    "days that were chosen": (
        b"day,size,kind\n" + b"2026-01-02,1,a\n,3,b\n" * 20,
        {"missing": "mean", "features": ("day", "size")},
        "data.column_kind",
        0,
    ),
    "points in time": (
        b"day,kind\n" + b"2026-01-02T10:20:30.5Z,a\n2026-01-03 10:20,b\n" * 9,
        {},
        "data.column_kind",
        0,
    ),
    "days first": (b"day,kind\n" + b"31.12.2026,a\n1/2/2026,b\n" * 9, {}, "data.column_kind", 0),
    "a class a row": (b"size,kind\n" + b"".join(b"%d,c%d\n" % (n, n) for n in range(40)), {}, "data.split", 0),
    "too few rows": (b"size,kind\n1,a\n2,b\n", {}, "data.split", 0),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table_is_refused_with_its_place(tmp_path, name):
    content, parameters, code, line = TABLES[name]
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    problem = refused(path, **parameters)
    assert problem.code == code
    assert problem.line == line
    if line:
        assert str(line) in problem.message
    if code != "data.split":
        assert problem.file == str(path)
    assert path.read_bytes() == content


def test_a_misspelt_column_gets_a_suggestion(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(GOOD)
    problem = refused(path, target="kinds")
    assert problem.field == "target"
    assert "did you mean 'kind'?" in problem.message


def test_an_identifier_is_no_category(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("name,kind\n" + "".join(f"person-{row},{row % 2}\n" for row in range(1001)))
    problem = refused(path)
    assert problem.code == "data.too_many_categories"
    assert "'name'" in problem.message


def test_no_file_chosen_is_said_so():
    problem = refused("")
    assert (problem.code, problem.field) == ("data.no_file", "file")


def test_files_that_are_none(tmp_path):
    absent = refused(tmp_path / "absent.csv")
    assert absent.code == "data.missing_file"
    assert f"not in the folder {tmp_path}" in absent.message
    assert refused(tmp_path).code == "data.not_a_file"
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    assert refused(fifo).code == "data.not_a_file", "opening a pipe would wait for ever"
    assert refused("nul\0byte.csv").code == "data.missing_file"


def test_a_pattern_or_an_address_is_only_a_name(tmp_path):
    (tmp_path / "a.csv").write_text(GOOD)
    assert refused(tmp_path / "*.csv").code == "data.missing_file"
    assert refused("https://example.org/a.csv").code == "data.missing_file"


def test_a_file_that_vanishes_is_refused_although_it_was_read_before(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(GOOD)
    prepare_table(path)
    path.unlink()
    assert refused(path).code == "data.missing_file"


def test_a_changed_file_is_read_again_and_makes_the_schema_stale(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(GOOD)
    schema = describe("data.table", {"file": "data.csv"}, tmp_path)
    before = prepare_table("data.csv", base=tmp_path)
    assert not is_stale(schema, "data.table", {"file": "data.csv"}, tmp_path)
    path.write_text(GOOD + "99,1,c\n" * 5)
    assert is_stale(schema, "data.table", {"file": "data.csv"}, tmp_path)
    assert prepare_table("data.csv", base=tmp_path).schema.rows == before.schema.rows + 5


@pytest.mark.parametrize("name", ["größe 数据.csv", "with space.csv", "semi;colon.csv", "a[b]*.csv"])
def test_any_file_name_works(tmp_path, name):
    (tmp_path / name).write_text(GOOD)
    assert prepare_table(name, base=tmp_path).schema.rows == 40


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    path = tmp_path / "data.csv"
    path.write_text(GOOD.replace(",", delimiter))
    assert prepare_table(path).schema.fields[0].dims == (2,)


def test_quotes_byte_order_mark_and_windows_line_ends(tmp_path):
    path = tmp_path / "data.csv"
    text = 'size,"the, kind"\r\n' + "".join(f'{row},"x, {row % 2}"\r\n' for row in range(40))
    path.write_bytes(text.encode("utf-8-sig"))
    prepared = prepare_table(path)
    assert prepared.schema.fields[1].classes == ("x, 0", "x, 1")
    assert preview("data.table", {"file": str(path)}, rows=2).columns == ("size", "the, kind")


NUMBERS = {
    "decimal commas": (
        ";",
        ["1,5", "-0,237", "1.234,5", "2.000", "7", "1,5e3", "?"],
        [1.5, -0.237, 1234.5, 2000, 7, 1500],
    ),
    "thousands": (",", ["1,234", "-12,345,678.5", "7", "0.5", "", "1,000"], [1234, -12345678.5, 7, 0.5, 1000]),
    "thousands between tabs": ("\t", ["1,234", "12", "9,999,999"], [1234, 12, 9999999]),
    "decimal commas between tabs": ("\t", ["1,23", "0,125", "3"], [1.23, 0.125, 3]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_with_commas_are_numbers(tmp_path, name):
    delimiter, cells, numbers = NUMBERS[name]
    quoted = [f'"{cell}"' if delimiter in cell else cell for cell in cells]
    path = tmp_path / "data.csv"
    lines = [delimiter.join((cell, str(row % 2))) for row, cell in enumerate(quoted * 20)]
    path.write_text("\n".join([delimiter.join(("size", "kind")), *lines]))
    prepared = prepare_table(path, normalize=False)
    found = np.concatenate([part["features"] for part in prepared.parts.values()])
    assert found.shape[1:] == (1,)
    np.testing.assert_array_equal(np.unique(found), np.unique(np.array(numbers, dtype=np.float32)))


@pytest.mark.parametrize(("delimiter", "cells"), [(";", ["S,M", "1,5", "L"]), (",", ["0,5", "7", "1,25"])])
def test_texts_with_commas_stay_texts(tmp_path, delimiter, cells):
    path = tmp_path / "data.csv"
    lines = [delimiter.join((str(row % 4), f'"{cells[row % 3]}"')) for row in range(60)]
    path.write_text("\n".join([delimiter.join(("size", "kind")), *lines]))
    assert prepare_table(path).schema.fields[1].classes == tuple(sorted(cells))


def test_columns_are_named_without_spaces_and_the_nameless_by_their_place(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(GOOD.replace("size,weight,kind", ", weight , kind"))
    assert preview("data.table", {"file": str(path)}, rows=1).columns == ("column_1", "weight", "kind")
    assert prepare_table(path, features=("column_1",), target="kind").schema.fields[0].dims == (1,)
    path.write_text(GOOD.replace("size,weight,kind", " kind,kind,kind "))
    assert len(set(preview("data.table", {"file": str(path)}, rows=1).columns)) == 3


def test_a_class_a_row_hints_at_a_regression(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("size,price\n" + "".join(f"{row},{row} EUR\n" for row in range(40)))
    assert "40 classes" in refused(path).message
    assert "regression" in refused(path).message


def test_a_column_with_a_category_a_row_is_noted(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("size,kind\n" + "".join(f"{row} cm,{row % 2}\n" for row in range(40)))
    assert "Column 'size' was taken for categories and has 40, nearly one a row" in prepare_table(path).notes
    path.write_text("size,name,kind\n" + "".join(f"{row},name {row},{row % 2}\n" for row in range(40)))
    left_out = prepare_table(path)
    assert left_out.schema.fields[0].dims == (1,)
    assert "Column 'name' was left out: nearly every row has a text of its own there" in left_out.notes
    ticked = prepare_table(path, features=("size", "name"))
    assert ticked.schema.fields[0].dims == (41,)
    assert "Column 'name' was taken for categories and has 40, nearly one a row" in ticked.notes
    path.write_text("size,kind\n" + "".join(f"{row % 20} cm,{row % 2}\n" for row in range(40)))
    assert prepare_table(path).notes == ()


def test_what_nobody_chose_and_cannot_be_used_is_left_out_and_noted(tmp_path):
    path = tmp_path / "data.csv"
    rows = "".join(f"{row};31.12.2026;;text {row};{row % 2}\n" for row in range(1200))
    path.write_text(f"size;day;nothing;remark;kind\n{rows}")
    prepared = prepare_table(path)
    assert prepared.schema.fields[0].dims == (1,)
    assert [name for note in prepared.notes for name in ("day", "nothing", "remark") if f"'{name}'" in note] == [
        "day",
        "nothing",
        "remark",
    ]
    assert preview("data.table", {"file": str(path)}, rows=1).notes == prepared.notes
    path.write_text(rows)
    assert refused(path, header=False, features=("column_1", "column_0")).code == "data.column_kind"


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_tables_of_other_programs_are_read_whatever_their_bytes_mean(tmp_path, encoding):
    path = tmp_path / "data.csv"
    path.write_bytes(GOOD.replace("kind", "Größe").replace(",b", ",müde").encode(encoding))
    prepared = prepare_table(path)
    assert prepared.schema.fields[1].classes == ("a", "müde")
    assert any("cp1252" in note for note in prepared.notes) is (encoding == "cp1252")
    assert preview("data.table", {"file": str(path)}, rows=1).columns == ("size", "weight", "Größe")


def test_a_table_without_names(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(GOOD.split("\n", 1)[1])
    assert prepare_table(path, header=False).schema.rows == 40


def test_missing_values_are_dropped_or_filled_by_the_training_part(tmp_path):
    path = tmp_path / "data.csv"
    lines = GOOD.splitlines()
    lines[3], lines[8], lines[20] = "2,,a", "7,?,b", "18,27,"
    path.write_text("\n".join(lines))
    dropped = prepare_table(path)
    assert dropped.schema.rows == 37
    assert "1 rows without a target were left out, the first in line 21" in dropped.notes
    filled = prepare_table(path, missing="mean", normalize=False)
    assert filled.schema.rows == 39
    everything = np.concatenate([part["features"] for part in filled.parts.values()])
    assert np.isfinite(everything).all()
    training = filled.parts["train"]["features"]
    inner = training[training[:, 0] * 1.5 == training[:, 1]]  # the rows that were complete
    replaced = everything[everything[:, 0] * 1.5 != everything[:, 1]]
    np.testing.assert_allclose(replaced[:, 1], inner[:, 1].mean(), rtol=1e-6)


def test_categories_become_columns_or_numbers(tmp_path):
    path = tmp_path / "data.csv"
    colors = ["red", "green", "", "blue"]
    path.write_text("color,size,y\n" + "".join(f"{colors[row % 4]},{row},{row * 0.5}\n" for row in range(80)))
    one_hot = prepare_table(path, missing="mean", normalize=False)
    assert one_hot.schema.fields[0].dims == (5,)
    np.testing.assert_array_equal(one_hot.parts["train"]["features"][:, :4].sum(axis=1), 1)
    index = prepare_table(path, missing="mean", normalize=False, categories="index")
    assert set(np.unique(index.parts["train"]["features"][:, 0])) == {0, 1, 2, 3}
    assert one_hot.schema.fields[1].name == "target"
    assert one_hot.schema.fields[1].dims == (1,)


def test_parquet_is_read(tmp_path):
    import polars

    path = tmp_path / "data.parquet"
    polars.DataFrame(
        {"a": list(range(50)), "b": [row % 3 == 0 for row in range(50)], "kind": ["x", "y"] * 25}
    ).write_parquet(path)
    prepared = prepare_table(path)
    assert prepared.schema.fields[0].dims[0] >= 2
    assert preview("data.table", {"file": str(path)}, rows=2).rows == (("0", "True", "x"), ("1", "False", "y"))


def test_dates_and_lists_are_refused_by_name(tmp_path):
    import datetime

    import polars

    path = tmp_path / "data.parquet"
    polars.DataFrame({"day": [datetime.date(2026, 1, 1)] * 9, "y": [0, 1, 0] * 3}).write_parquet(path)
    assert refused(path).code == "data.column_kind"


# Images


def prepare_images(folder, **parameters):
    return prepare(Node(id="n1", type="data.images", label="images", parameters={"folder": str(folder), **parameters}))


def images_refused(folder, **parameters):
    with pytest.raises(NetbuilderError) as caught:
        prepare_images(folder, **parameters)
    return caught.value.problems[0]


@pytest.fixture
def folder(tmp_path):
    """Ten black cats and ten white dogs."""
    for label, color in (("cat", 0), ("dög", (255, 255, 255))):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for index in range(10):
            (tmp_path / "pictures" / label / f"{index}.png").write_bytes(png((9, 7), color=color))
    return tmp_path / "pictures"


def test_a_good_folder_is_read(folder):
    prepared = prepare_images(folder, height=4, width=6)
    assert prepared.schema.fields[0].dims == (3, 4, 6)
    assert prepared.schema.fields[1].classes == ("cat", "dög")
    for part in prepared.parts.values():
        np.testing.assert_array_equal(part["image"].mean(axis=(1, 2, 3)), part["label"])
    shown = preview("data.images", {"folder": str(folder), "height": 4, "width": 6}, rows=4)
    assert shown.pictures.shape == (4, 4, 6, 3)
    assert shown.captions[0] == "cat"
    assert shown.captions[-1] == "dög"


BAD_IMAGES = {
    "truncated": png((64, 64), color=(200, 30, 60))[:90],
    "empty": b"",
    "text": b"this is not a picture",
    "cut in its header": png()[:12],
    "a decoder that may start programs": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_an_unreadable_image_is_named_or_skipped_with_a_note(folder, name):
    path = folder / "cat" / "bad.png"
    path.write_bytes(BAD_IMAGES[name])
    problem = images_refused(folder)
    assert problem.file == str(path)
    assert "cat/bad.png cannot be read" in problem.message
    prepared = prepare_images(folder, skip_unreadable=True)
    assert prepared.schema.rows == 20
    assert "cat/bad.png" in prepared.notes[0]


def test_a_decompression_bomb_is_refused_before_it_is_decoded(folder):
    (folder / "cat" / "bomb.png").write_bytes(png((9000, 9900), mode="1"))
    assert images_refused(folder).code == "data.too_large"


def test_sixteen_bit_grey_keeps_its_shades(folder):
    pixels = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    for index in range(10):
        Image.fromarray(pixels).save(folder / "cat" / f"{index}.png")
    image = prepare_images(folder, height=8, width=8, color="gray").parts["train"]["image"][0, 0]
    assert 0.4 < image.mean() < 0.6


def test_folders_that_will_not_do(tmp_path, folder):
    assert images_refused("").code == "data.no_folder"
    assert images_refused(tmp_path / "absent").code == "data.missing_folder"
    assert images_refused(folder / "cat" / "0.png").code == "data.not_a_folder"
    loose = images_refused(folder / "cat")
    assert loose.code == "data.no_classes"
    assert "lie loose" in loose.message
    (tmp_path / "one" / "cat").mkdir(parents=True)
    (tmp_path / "one" / "cat" / "0.png").write_bytes(png())
    assert images_refused(tmp_path / "one").code == "data.classes"


def test_more_images_than_memory_are_refused_early(folder):
    for label in ("cat", "dög"):
        for index in range(10, 60):
            (folder / label / f"{index}.png").write_bytes(png())
    problem = images_refused(folder, height=2048, width=2048)
    assert (problem.code, problem.field) == ("data.too_large", "height")


def test_a_damaged_image_offers_to_be_left_out(folder):
    (folder / "cat" / "3.png").write_bytes(b"no image")
    (fix,) = images_refused(folder, skip_unreadable=False).fixes
    assert fix.arguments == {"node": "n1", "values": {"skip_unreadable": True}}
    assert prepare_images(folder, **fix.arguments["values"]).schema.rows == 19


def test_texts_too_long_for_names_of_classes_are_refused(tmp_path):
    """A project holds the names of the classes, and could not be read again with these."""
    path = tmp_path / "data.csv"
    texts = ["short", "x" * 1001]
    path.write_text("size,text\n" + "".join(f"{row},{texts[row % 2]}\n" for row in range(40)))
    problem = refused(path, target="text")
    assert problem.code == "data.classes"
    assert "1,001 characters" in problem.message
    path.write_text(path.read_text().replace("x" * 1001, "x" * 1000))
    assert prepare_table(path, target="text").schema.fields[1].classes == ("short", "x" * 1000)
