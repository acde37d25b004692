"""PyTorch's side of the data benchmark; the pipelines of bench/data/pipelines.ts.

Reads one JSON request a line from standard input, answers one JSON object a line:
  {"do": "run", "variant": "per-sample-0"|..., "steps": n} -> {"ms": [...]}
The number in a variant is num_workers. Variants pil-<processes> decode all JPEG files below the
folder of the third argument once.
"""

import glob
import json
import multiprocessing
import sys
import time

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

BATCH, PADDING, MEAN, STD = 128, 2, 0.1307, 0.3081
PHOTO_BATCH, PHOTO_WARM_UP = 16, 4


def read_idx(path: str, header: int) -> np.ndarray:
    with open(path, "rb") as file:
        return np.frombuffer(file.read()[header:], dtype=np.uint8)


class PerSample(Dataset):
    """The usual way: one sample at a time, collated by the loader."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images = images
        self.labels = labels
        self.rng = np.random.default_rng(1)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        padded = np.zeros((28 + 2 * PADDING, 28 + 2 * PADDING), dtype=np.uint8)
        padded[PADDING:-PADDING, PADDING:-PADDING] = self.images[index]
        top, left, flip = self.rng.integers(0, (2 * PADDING + 1, 2 * PADDING + 1, 2))
        image = padded[top : top + 28, left : left + 28]
        if flip:
            image = image[:, ::-1]
        value = (image.astype(np.float32) / 255 - MEAN) / STD
        return torch.from_numpy(value[..., None]), int(self.labels[index])


class Torchvision(Dataset):
    """As torchvision's documentation shows it: PIL images through a Compose."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        from PIL import Image
        from torchvision import transforms

        self.images = images
        self.labels = labels
        self.to_image = Image.fromarray
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(28, padding=PADDING),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((MEAN,), (STD,)),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.to_image(self.images[index])), int(self.labels[index])


class Vectorised(Dataset):
    """Whole batches by index arrays: what is left when Python's loops are gone."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        pad = ((0, 0), (PADDING, PADDING), (PADDING, PADDING))
        self.images = torch.from_numpy(np.pad(images, pad))
        self.labels = torch.from_numpy(labels.astype(np.int64))
        values = (torch.arange(256, dtype=torch.float32) / 255 - MEAN) / STD
        self.values = values

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        index = torch.tensor(indices)
        count = len(indices)
        offset = torch.randint(0, 2 * PADDING + 1, (2, count, 1))
        row = offset[0] + torch.arange(28)
        column = offset[1] + torch.arange(28)
        column = torch.where(torch.rand(count, 1) < 0.5, column.flip(1), column)
        crop = self.images[index[:, None, None], row[:, :, None], column[:, None, :]]
        return self.values[crop.long()][..., None], self.labels[index]


def open_loader(variant: str, images: np.ndarray, labels: np.ndarray) -> DataLoader:
    kind, workers = variant.rsplit("-", 1)
    options = {"num_workers": int(workers), "persistent_workers": int(workers) > 0}
    if kind in ("per-sample", "torchvision"):
        data = (PerSample if kind == "per-sample" else Torchvision)(images, labels)
        return DataLoader(data, batch_size=BATCH, shuffle=True, drop_last=True, **options)
    data = Vectorised(images, labels)
    sampler = BatchSampler(RandomSampler(data), BATCH, drop_last=True)
    return DataLoader(data, batch_size=None, sampler=sampler, **options)


def decode(path: str) -> int:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).nbytes


class Photos(Dataset):
    """Decoded files as bytes, which DataLoader stacks."""

    def __init__(self) -> None:
        self.files = sorted(glob.glob(sys.argv[3] + "/*/*.jpg"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        from PIL import Image

        with Image.open(self.files[index]) as image:
            return np.asarray(image.convert("RGB"))


def load_epoch(loader: DataLoader) -> list[float]:
    """One epoch after its first batches, which pay for what begins with it."""
    ms = []
    start = time.perf_counter()
    for _ in loader:
        end = time.perf_counter()
        ms.append(1000 * (end - start))
        start = end
    return ms[PHOTO_WARM_UP:]


def decode_all(processes: int) -> list[float]:
    files = sorted(glob.glob(sys.argv[3] + "/*/*.jpg"))
    if processes == 1:
        start = time.perf_counter()
        for path in files:
            decode(path)
        return [1000 * (time.perf_counter() - start)]
    with multiprocessing.Pool(processes) as pool:
        pool.map(decode, files[:16])
        start = time.perf_counter()
        pool.map(decode, files)
        return [1000 * (time.perf_counter() - start)]


def answer(request: dict, iterators: dict, images: np.ndarray, labels: np.ndarray) -> list[float]:
    variant = request["variant"]
    if variant.startswith("photos-"):
        workers = int(variant[7:])
        if variant not in iterators:
            iterators[variant] = DataLoader(
                Photos(),
                batch_size=PHOTO_BATCH,
                shuffle=True,
                num_workers=workers,
                persistent_workers=workers > 0,
            )
        return load_epoch(iterators[variant])
    if variant.startswith("pil-"):
        return decode_all(int(variant[4:]))
    if variant not in iterators:
        iterators[variant] = endless(open_loader(variant, images, labels))
    iterator = iterators[variant]
    # As for the others: what was made ahead between the rounds does not count.
    for _ in range(4):
        next(iterator)
    ms = []
    for _ in range(request["steps"]):
        start = time.perf_counter()
        next(iterator)
        ms.append(1000 * (time.perf_counter() - start))
    return ms


def main() -> None:
    torch.set_num_threads(1)
    images = read_idx(sys.argv[1], 16).reshape(-1, 28, 28)
    labels = read_idx(sys.argv[2], 8)
    iterators = {}
    for line in sys.stdin:
        try:
            print(json.dumps({"ms": answer(json.loads(line), iterators, images, labels)}), flush=True)
        # What is not installed, or does not fit the torch that is, is told and left out.
        except (ImportError, RuntimeError, OSError) as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


def endless(loader: DataLoader):
    while True:
        yield from loader


if __name__ == "__main__":
    main()
