"""Detect faces, track them over time, and choose the speaker's.

What must stay true here:

* no face descriptor is computed or kept: tracks follow places and pixels, not identities;
* boxes are in pixels of the picture that was given;
* an unsure answer is None, never the nearest guess.
"""
