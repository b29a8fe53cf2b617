"""Hypothesis strategies for documents: everything that a file can hold."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from netbuilder.document.model import (
    About,
    Definition,
    Document,
    Field,
    Frame,
    Graph,
    Group,
    Layout,
    Node,
    Phase,
    Place,
    Plan,
    PortRef,
    Schema,
    Setting,
)

text = st.sampled_from(
    [
        "",
        "a",
        "two words",
        'quote " slash \\ / tab \t',
        "line\nbreak\r\n",
        "ü é 層 🧠",
        "\0 \x1f \x7f \u2028 \ufeff \uffff",
        "=",
        "{}",
        "id",
    ]
) | st.text(max_size=3).map(lambda each: each.encode(errors="replace").decode())
keys = text.map(lambda each: "x-" + each)  # no key of ours begins so
ids = st.integers(0, 2**32 - 1).map(lambda number: f"n{number:08x}")
labels = st.integers(0, 999).map(lambda number: f"label_{number}")
ports = st.sampled_from(["x", "y", "image", "a column"])
numbers = st.floats(-1e6, 1e6)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.dictionaries(text, inner, max_size=3),
    max_leaves=4,
)
free = st.dictionaries(keys, values, max_size=2)
parameters = st.dictionaries(text, values, max_size=4)

fields = st.builds(
    Field,
    name=text.map(lambda each: "f" + each),
    dims=st.lists(st.integers(-1, 99), max_size=3).map(tuple),
    dtype=st.sampled_from(["float32", "int64"]),
    layout=st.sampled_from(["", "CHW", "TF"]),
    classes=st.lists(text, max_size=3).map(tuple),
    vocabulary=st.integers(0, 9),
    extra=free,
)
schemas = st.builds(
    Schema, fields=st.lists(fields, max_size=3).map(tuple), rows=st.integers(0, 99), source=text, extra=free
)
frames = st.builds(
    Frame,
    id=ids,
    title=text,
    color=text,
    x=numbers,
    y=numbers,
    width=st.floats(1, 1e4),
    height=st.floats(1, 1e4),
    note=text,
    extra=free,
)
settings = st.builds(Setting, key=st.sampled_from(["adam", "later.one"]), values=parameters, extra=free)
rates = st.floats(0, 1e6)
groups = st.builds(
    Group, nodes=st.lists(ids, max_size=2).map(tuple), rate=rates, weight_decay=st.none() | rates, extra=free
)
phases = st.builds(
    Phase,
    name=labels,
    losses=st.lists(ids, max_size=2).map(tuple),
    groups=st.lists(groups, max_size=2).map(tuple),
    optimizer=settings,
    schedule=settings,
    updates=st.integers(1, 5),
    extra=free,
)
plans = st.builds(
    Plan,
    phases=st.lists(phases, min_size=1, max_size=2).map(tuple),
    epochs=st.integers(1, 100),
    batch_size=st.integers(1, 100),
    seed=st.integers(0, 2**32 - 1),
    clip_norm=rates,
    accumulation=st.integers(1, 100),
    ema_decay=st.floats(0, 0.999),
    patience=st.integers(0, 10),
    monitor=text,
    precision=st.sampled_from(["float32", "bf16", "fp16"]),
    memory_format=st.sampled_from(["auto", "contiguous", "channels_last"]),
    compile=st.booleans(),
    cuda_graphs=st.booleans(),
    threads=st.integers(0, 64),
    extra=free,
)


@st.composite
def graphs(draw: st.DrawFn, known: list[str], count: int = 4) -> Graph:
    """Draw a graph whose ids are not among those `known`, to which they are added."""
    new = draw(st.lists(ids.filter(lambda id: id not in known), unique=True, max_size=count))
    known += new
    names = draw(st.lists(labels, unique=True, min_size=len(new), max_size=len(new)))
    nodes = {}
    for id, label in zip(new, names, strict=True):
        own: dict[str, Any] = draw(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["linear", "data.digits", "from.the-future_2"]),
                    "parameters": parameters,
                    "tied_to": st.sampled_from(["", *new]),
                    "note": text,
                    "extra": free,
                }
            )
        )
        nodes[id] = Node(id=id, label=label, **own)
    refs = st.builds(PortRef, st.sampled_from(new), ports) if new else st.nothing()
    edges = draw(st.dictionaries(refs, refs, max_size=4)) if new else {}
    return Graph(nodes=nodes, edges=edges, extra=draw(free))


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw a document with everything in it."""
    known: list[str] = []
    graph = draw(graphs(known))
    blocks = {}
    for key in draw(st.lists(st.sampled_from(["block", "b2", "Other.one"]), unique=True, max_size=2)):
        blocks[key] = Definition(
            key=key,
            title=draw(text),
            graph=draw(graphs(known, 2)),
            parameters=tuple(draw(st.lists(parameters, max_size=2))),
            extra=draw(free),
        )
    some = st.sampled_from(known) if known else st.nothing()
    drawn = draw(st.lists(frames, max_size=2, unique_by=lambda frame: frame.id))
    places = st.builds(Place, numbers, numbers)
    return Document(
        graph=graph,
        blocks=blocks,
        plan=draw(plans),
        schemas=draw(st.dictionaries(some, schemas, max_size=2)) if known else {},
        layout=Layout(
            places=draw(st.dictionaries(some, places)) if known else {},
            frames={frame.id: frame for frame in drawn},
            extra=draw(free),
        ),
        about=About(title=draw(text), description=draw(text), template=draw(text), extra=draw(free)),
        extra=draw(free),
    )
