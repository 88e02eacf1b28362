"""The field's measures of a hand (spec section 9): alignment, errors of position, PCK, F-scores, tables.

Points are metres, as everywhere; millimetres and percent appear in `table` alone. N images, P points each.
"""
