"""Lightning's side of the trainer benchmark; the models of bench/trainer/subjects.ts.

Reads one JSON request a line from standard input, answers one JSON object a line:
  {"do": "run", "variant": "tiny"|"mlp" + "/" + subject} -> {"ms": [mean, of computing, median]}
"""

import gc
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import nn

WORKLOADS = {
    "tiny": {"sizes": [8, 16, 1], "batch": 16, "warm": 1000, "updates": 400},
    "mlp": {"sizes": [784, 512, 256, 10], "batch": 128, "warm": 20, "updates": 100},
}


def network(sizes: list[int]) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, units in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, units), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Batches(torch.utils.data.Dataset):
    """Four batches over and over; notes when each was asked for."""

    def __init__(self, workload: dict) -> None:
        sizes, batch = workload["sizes"], workload["batch"]
        self.pool = [(torch.rand(batch, sizes[0]), torch.rand(batch, sizes[-1])) for _ in range(4)]
        self.warm, self.updates = workload["warm"], workload["updates"]
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.stamps: list[float] = []

    def __len__(self) -> int:
        return self.warm + self.updates + 2

    def __getitem__(self, index: int):
        if index in (self.warm, self.warm + self.updates):
            self.wall.append(time.perf_counter())
            self.cpu.append(time.process_time())
        self.stamps.append(time.perf_counter())
        return self.pool[index % 4]

    def per_update(self) -> list[float]:
        steps = self.stamps[self.warm : self.warm + self.updates + 1]
        each = sorted(b - a for a, b in zip(steps, steps[1:]))
        means = [1000 * (t[1] - t[0]) / self.updates for t in (self.wall, self.cpu)]
        return [*means, 1000 * each[len(each) // 2]]


class Module(L.LightningModule):
    def __init__(self, sizes: list[int], logs: bool) -> None:
        super().__init__()
        self.net = network(sizes)
        self.logs = logs

    def training_step(self, batch, _index):
        x, y = batch
        loss = nn.functional.mse_loss(self.net(x), y)
        if self.logs:
            self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


def bare_loop(sizes: list[int], loader) -> None:
    net = network(sizes)
    optimizer = torch.optim.Adam(net.parameters())
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        # Lightning does not look at the loss of each step by itself, so neither does the loop.


def trainer(subject: str, folder: str) -> L.Trainer:
    if subject == "lightning-barebones":
        return L.Trainer(barebones=True, max_epochs=1, accelerator="cpu")
    if subject == "lightning-default":
        return L.Trainer(max_epochs=1, accelerator="cpu", default_root_dir=folder)
    level = ["lightning+logging", "lightning+bar", "lightning+checkpoint"].index(subject)
    callbacks = [TQDMProgressBar()] if level >= 1 else []
    if level >= 2:
        callbacks.append(ModelCheckpoint(every_n_train_steps=100, save_last=True))
    return L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        default_root_dir=folder,
        logger=CSVLogger(folder),
        log_every_n_steps=1,
        enable_progress_bar=level >= 1,
        enable_checkpointing=level >= 2,
        enable_model_summary=False,
        callbacks=callbacks,
    )


def run(variant: str) -> list[float]:
    name, subject = variant.split("/")
    workload = WORKLOADS[name]
    batches = Batches(workload)
    loader = torch.utils.data.DataLoader(batches, batch_size=None, shuffle=False, num_workers=0)
    gc.collect()
    if subject == "torch-loop":
        bare_loop(workload["sizes"], loader)
        return batches.per_update()
    folder = tempfile.mkdtemp(prefix="lightbox-bench-")
    try:
        module = Module(workload["sizes"], subject != "lightning-barebones")
        trainer(subject, folder).fit(module, loader)
    finally:
        shutil.rmtree(folder)
    return batches.per_update()


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    # Bars and notices go nowhere, as on the other side.
    answers = os.fdopen(os.dup(1), "w")
    nowhere = open(os.devnull, "w")
    sys.stdout = sys.stderr = nowhere
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ms": run(request["variant"])}
        except Exception as error:  # noqa: BLE001 - told to the suite
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
