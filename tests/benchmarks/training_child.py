"""One measured training in a process of its own: `python -m tests.benchmarks.training_child ours mlp 100`.

The modes: "ours", a session with everything that the window asks of it; "hand", the loop that tutorials show, with as
many threads as the session takes (one for networks of this size on two cores); "default", that loop with as many as
torch takes by itself.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from netbuilder.document.model import Document
from tests.builders import tiny_cnn, tiny_mlp

BATCH_SIZE = 64


def network(name: str, epochs: int) -> Document:
    """Return the network to train, over and over again."""
    made = tiny_mlp(hidden=64) if name == "mlp" else tiny_cnn(filters=16)
    return replace(made, plan=replace(made.plan, epochs=epochs, batch_size=BATCH_SIZE))


def train_here(made: Document, poll: float = 1 / 15) -> dict[str, float]:
    """Train in a session, with everything that the window asks of it, which looks every `poll` seconds."""
    from netbuilder.training.protocol import Event, Start, Watch
    from netbuilder.training.thread_host import ThreadHost

    host = ThreadHost()
    marks: list[tuple[int, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        host.send(Start(document=made, folder=str(Path(folder) / "run")))
        host.send(Watch(nodes=tuple(made.graph.nodes)))
        events: list[Event] = []
        while not host.wait(poll):
            told = host.drain()
            events += told.events
            marks.append((told.progress.step, time.process_time(), time.perf_counter()))
        events += host.drain().events
    ends = [event for event in events if event.kind in ("end", "crash", "problem")]
    assert [event.data.get("reason") for event in ends] == ["finished"], ends
    host.close()
    running = [mark for mark in marks if mark[0] > 0]
    (first, cpu, wall), (last, cpu_end, wall_end) = running[0], running[-1]
    losses = [event.data["train_loss"] for event in events if event.kind == "epoch"]
    return {
        "cpu": (cpu_end - cpu) / (last - first),
        "wall": (wall_end - wall) / (last - first),
        "steps": last - first,
        "loss": losses[-1],
    }


def train_by_hand(made: Document) -> dict[str, float]:
    """Train the same network in the loop that tutorials show."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from netbuilder.compiler.module import build
    from netbuilder.data.preparation import prepare

    parts = prepare(made.graph.nodes["digits"]).parts
    training, validation = (
        TensorDataset(torch.tensor(parts[part]["image"]), torch.tensor(parts[part]["label"]))
        for part in ("train", "validation")
    )
    batches = DataLoader(training, batch_size=made.plan.batch_size, shuffle=True)
    checks = DataLoader(validation, batch_size=256)
    model = build(made)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = torch.nn.CrossEntropyLoss()
    steps, cpu, wall = 0, 0.0, 0.0
    for epoch in range(made.plan.epochs):
        if epoch == 1:  # the first one warms everything up, in our session as well
            steps, cpu, wall = 0, time.process_time(), time.perf_counter()
        model.train()
        losses: list[float] = []
        right = 0
        for image, label in batches:
            optimizer.zero_grad()
            output = model(image)
            loss = criterion(output, label)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            right += (output.argmax(1) == label).sum().item()
            steps += 1
        model.eval()
        validation_loss = 0.0
        with torch.no_grad():
            for image, label in checks:
                output = model(image)
                validation_loss += criterion(output, label).item()
                right += (output.argmax(1) == label).sum().item()
    return {
        "cpu": (time.process_time() - cpu) / steps,
        "wall": (time.perf_counter() - wall) / steps,
        "steps": steps,
        "loss": sum(losses) / len(losses),
    }


def main(mode: str, name: str, epochs: str) -> None:
    """Train and print what it took: seconds a step and the process's peak memory in MiB."""
    import torch

    if mode == "hand":
        torch.set_num_threads(1)
    made = network(name, int(epochs))
    result = train_here(made) if mode == "ours" else train_by_hand(made)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**result, "peak": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
