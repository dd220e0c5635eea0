"""Make models/weights/kokoro_voice.safetensors (fp16) from a voice of npm's kokoro-js.

Usage: npm pack kokoro-js@1.2.1; tar xzf kokoro-js-1.2.1.tgz; python scripts/convert_kokoro_voice.py
package/voices/af_heart.bin OUT.safetensors
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SIZE = 256
LONGEST = 201
"""Styles that are kept: of sentences of up to 200 phonemes."""


def main() -> None:
    """Convert and write."""
    styles = np.fromfile(sys.argv[1], np.float32).reshape(-1, SIZE)[:LONGEST]
    save_file({"styles": styles.astype(np.float16)}, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
