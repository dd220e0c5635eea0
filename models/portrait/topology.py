"""Which of the face mesh's 468 points are what (models/faces/mesh.py finds them)."""

from __future__ import annotations

UPPER_ROWS = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
)
"""Of the upper lip, from its outer edge to its inner one, each from the picture's left corner to the right one."""

LOWER_ROWS = (
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
"""The same of the lower lip; the corners are shared."""

JAW = {
    152: 0.6, 148: 0.58, 377: 0.58, 176: 0.53, 400: 0.53, 149: 0.44, 378: 0.44, 150: 0.33, 379: 0.33,
    136: 0.2, 365: 0.2, 172: 0.1, 397: 0.1, 58: 0.03, 288: 0.03,
}  # fmt: skip
"""The edge of the jaw, and the share of the lower lip's way down that each point goes along."""

STILL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
    33, 133, 263, 362, 159, 145, 386, 374, 70, 105, 107, 336, 334, 300, 168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 48, 278,
    116, 345, 117, 346, 50, 280,
)  # fmt: skip
"""What speaking does not move: forehead, temples, eyes, brows, nose, the upper cheeks."""

OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The edge of the face, clockwise on the screen from the top."""

LIDS = (
    ((246, 161, 160, 159, 158, 157, 173), (7, 163, 144, 145, 153, 154, 155)),
    ((466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382)),
)
"""Upper and lower lid of each eye without its corners, point by point above each other."""

FOLDS = ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))
"""The fold above each upper lid, point by point: most of the way goes along with it."""
