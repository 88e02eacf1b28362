"""The joints' names, copied from the standards' texts."""

_WEBXR_TEXT = """
wrist
thumb-metacarpal thumb-phalanx-proximal thumb-phalanx-distal thumb-tip
index-finger-metacarpal index-finger-phalanx-proximal index-finger-phalanx-intermediate
index-finger-phalanx-distal index-finger-tip
middle-finger-metacarpal middle-finger-phalanx-proximal middle-finger-phalanx-intermediate
middle-finger-phalanx-distal middle-finger-tip
ring-finger-metacarpal ring-finger-phalanx-proximal ring-finger-phalanx-intermediate
ring-finger-phalanx-distal ring-finger-tip
pinky-finger-metacarpal pinky-finger-phalanx-proximal pinky-finger-phalanx-intermediate
pinky-finger-phalanx-distal pinky-finger-tip
"""
WEBXR = _WEBXR_TEXT.split()
"""`enum XRHandJoint` of https://immersive-web.github.io/webxr-hand-input/."""

_OPENXR_TEXT = """
XR_HAND_JOINT_PALM_EXT XR_HAND_JOINT_WRIST_EXT
XR_HAND_JOINT_THUMB_METACARPAL_EXT XR_HAND_JOINT_THUMB_PROXIMAL_EXT
XR_HAND_JOINT_THUMB_DISTAL_EXT XR_HAND_JOINT_THUMB_TIP_EXT
XR_HAND_JOINT_INDEX_METACARPAL_EXT XR_HAND_JOINT_INDEX_PROXIMAL_EXT
XR_HAND_JOINT_INDEX_INTERMEDIATE_EXT XR_HAND_JOINT_INDEX_DISTAL_EXT XR_HAND_JOINT_INDEX_TIP_EXT
XR_HAND_JOINT_MIDDLE_METACARPAL_EXT XR_HAND_JOINT_MIDDLE_PROXIMAL_EXT
XR_HAND_JOINT_MIDDLE_INTERMEDIATE_EXT XR_HAND_JOINT_MIDDLE_DISTAL_EXT XR_HAND_JOINT_MIDDLE_TIP_EXT
XR_HAND_JOINT_RING_METACARPAL_EXT XR_HAND_JOINT_RING_PROXIMAL_EXT
XR_HAND_JOINT_RING_INTERMEDIATE_EXT XR_HAND_JOINT_RING_DISTAL_EXT XR_HAND_JOINT_RING_TIP_EXT
XR_HAND_JOINT_LITTLE_METACARPAL_EXT XR_HAND_JOINT_LITTLE_PROXIMAL_EXT
XR_HAND_JOINT_LITTLE_INTERMEDIATE_EXT XR_HAND_JOINT_LITTLE_DISTAL_EXT XR_HAND_JOINT_LITTLE_TIP_EXT
"""
OPENXR = _OPENXR_TEXT.split()
"""`XrHandJointEXT` of the OpenXR specification."""
