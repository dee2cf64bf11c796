"""Values, Arrow schemas, settings and errors that all floors share.

What must stay true here:

* nothing of ours is imported from the floors above, and no torch;
* times are seconds from the recording's start, on a grid of one millisecond;
* a value is never changed, only copied with a change (`model_copy`).
"""
