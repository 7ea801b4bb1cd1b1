"""Keep images and print what it took: ``log_images.py MANNER KIND PLACE IMAGES SIDE``.

``MANNER`` is ``files`` (Pillow writes PNG files into the folder ``PLACE``), ``log`` (a run logs them in the store
``PLACE``) or ``again`` (a run logs the first of them each time). The line printed has calls and end, in seconds.
"""

import json
import os
import sys
import time

import numpy as np

manner, kind, place = sys.argv[1:4]
images, side = map(int, sys.argv[4:6])
generator = np.random.default_rng(7)


def drawn(number: int) -> np.ndarray:
    """Return an image of bytes, different for each number."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    if kind == "figure":
        shades = ((rows * (3 + number % 5)).astype(int) + (columns * 4).astype(int)) % 4 * 60
        return np.stack([shades, 255 - shades, shades + number % 70], axis=2).astype(np.uint8)
    waves = [np.sin(rows * (number % 9 + 1) + columns * (channel + 2) * 3) for channel in range(3)]
    noise = generator.normal(scale=4, size=(side, side, 3))
    return np.clip(np.stack(waves, axis=2) * 100 + 128 + noise, 0, 255).astype(np.uint8)


pixels = [drawn(number) for number in range(1 if manner == "again" else images)]
if manner == "files":
    from PIL import Image

    Image.init()
    os.makedirs(place)
    begun = time.perf_counter()
    for number in range(images):
        Image.fromarray(pixels[number]).save(os.path.join(place, f"{number}.png"))
    logged = ended = time.perf_counter()
else:
    import PIL.Image

    import forebear

    PIL.Image.init()
    run = forebear.init(project="bench", store=place, settings={"silent": True})
    begun = time.perf_counter()
    for number in range(images):
        run.log({"image": forebear.Image(pixels[number % len(pixels)])})
    logged = time.perf_counter()
    run.finish()
    ended = time.perf_counter()
print(json.dumps({"calls": logged - begun, "end": ended - logged}))
