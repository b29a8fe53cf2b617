"""Readers under hostile content: limits let pass just under and refuse just over; damage is refused, never a crash."""

import io
import random
import zlib

import numpy as np
import pytest
from PIL import Image

from netbuilder.data import files, tables
from netbuilder.data.schemas import describe, preview
from netbuilder.data.sources import images, table
from netbuilder.foundation.problem import NetbuilderError

CSV = ("size,weight,kind\n" + "".join(f"{row},{row * 1.5},{'ab'[row % 2]}\n" for row in range(40))).encode()


def table_rows(path, **values):
    return describe("data.table", {"file": str(path), **values}).rows


def image_folder(folder, size=(8, 8)):
    for label, color in (("cat", 0), ("dog", 255)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        Image.new("L", size, color).save(folder / label / "0.png")
    return folder


def read_images(folder, **values):
    return preview("data.images", {"folder": str(folder), **values}, rows=4)


def test_the_size_of_a_text_table(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_bytes(CSV)
    monkeypatch.setattr(tables, "MAX_BYTES", len(CSV))
    assert table_rows(path) == 40
    monkeypatch.setattr(tables, "MAX_BYTES", len(CSV) - 1)
    with pytest.raises(NetbuilderError, match="larger than"):
        table_rows(path)


def test_the_cells_of_a_parquet_file(tmp_path, monkeypatch):
    import polars

    path = tmp_path / "data.parquet"
    polars.read_csv(io.BytesIO(CSV)).write_parquet(path)
    monkeypatch.setattr(tables, "MAX_CELLS", 120)
    assert table_rows(path) == 40
    monkeypatch.setattr(tables, "MAX_CELLS", 119)
    with pytest.raises(NetbuilderError, match="120 cells"):
        table_rows(path)


def test_the_memory_of_all_features(tmp_path, monkeypatch):
    path = tmp_path / "data.csv"
    path.write_bytes(CSV)
    monkeypatch.setattr(table, "MAX_FEATURE_BYTES", 40 * 2 * 4)
    assert table_rows(path) == 40
    monkeypatch.setattr(table, "MAX_FEATURE_BYTES", 40 * 2 * 4 - 1)
    with pytest.raises(NetbuilderError, match="leave columns out"):
        table_rows(path)


def test_the_pixels_of_an_image(tmp_path, monkeypatch):
    image_folder(tmp_path, (10, 9))
    monkeypatch.setattr(images, "MAX_PIXELS", 90)
    assert len(read_images(tmp_path).captions) == 2
    monkeypatch.setattr(images, "MAX_PIXELS", 89)
    with pytest.raises(NetbuilderError, match="10 × 9 pixels"):
        read_images(tmp_path)


def test_the_files_of_a_folder(tmp_path, monkeypatch):
    image_folder(tmp_path)
    monkeypatch.setattr(files, "MAX_FILES", 2)
    assert len(read_images(tmp_path).captions) == 2
    monkeypatch.setattr(files, "MAX_FILES", 1)
    with pytest.raises(NetbuilderError, match="more than 1 files"):
        read_images(tmp_path)


def test_an_image_that_claims_to_be_huge_is_refused_by_its_header(tmp_path):
    """The header says 100,000 x 100,000; there are no pixels behind it."""
    image_folder(tmp_path)
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "cat" / "0.png").write_bytes(data)
    with pytest.raises(NetbuilderError, match=r"cat/0\.png"):
        read_images(tmp_path)


def mutated(data, generator):
    """Return `data` with some bytes flipped, cut, repeated or replaced."""
    data = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 8))):
        where = generator.randrange(len(data))
        match generator.randrange(4):
            case 0:
                data[where] ^= 1 << generator.randrange(8)
            case 1:
                data[where : where + generator.randrange(1, 20)] = b""
            case 2:
                data[where:where] = data[where : where + 20] * generator.randrange(1, 4)
            case 3:
                data[where : where + 4] = generator.randbytes(4)
        data = data or bytearray(b"\0")
    return bytes(data)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_mutated_tables_are_read_or_refused(tmp_path, kind):
    content = CSV
    if kind == "parquet":
        import polars

        buffer = io.BytesIO()
        polars.read_csv(io.BytesIO(CSV)).write_parquet(buffer)
        content = buffer.getvalue()
    generator, path, sizes, words = random.Random(7), tmp_path / "data", [], []
    for _ in range(300):
        path.write_bytes(mutated(content, generator))
        try:
            sizes.append(describe("data.table", {"file": str(path), "missing": "mean"}).rows)
        except NetbuilderError as error:
            words.append(error.problems[0].message)
    assert len(sizes) > 20
    assert all(sizes)
    assert len(words) > 20
    assert all(words)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_mutated_images_are_read_or_refused(tmp_path, kind):
    image_folder(tmp_path)
    buffer = io.BytesIO()
    Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)).save(buffer, kind)
    generator, path, words = random.Random(7), tmp_path / "cat" / "0.png", []
    path.write_bytes(buffer.getvalue())
    assert read_images(tmp_path).pictures.shape == (2, 32, 32, 3)
    for _ in range(100):
        path.write_bytes(mutated(buffer.getvalue(), generator))
        try:
            read_images(tmp_path)
        except NetbuilderError as error:
            words.append(error.problems[0].message)
    assert all("cat/0.png" in text for text in words)
