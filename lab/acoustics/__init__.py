"""Conditions of meetings for the audio branch, and sounds without a voice."""

from lab.acoustics.conditions import CONDITIONS as CONDITIONS
from lab.acoustics.conditions import Condition as Condition
from lab.acoustics.conditions import apply as apply
from lab.acoustics.conditions import drops as drops
from lab.acoustics.conditions import measure_conditions as measure_conditions
from lab.acoustics.no_voice import Abstention as Abstention
from lab.acoustics.no_voice import measure_abstention as measure_abstention
from lab.acoustics.no_voice import no_voice_sounds as no_voice_sounds
