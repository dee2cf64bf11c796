"""How a voice branch holds up: in meetings' conditions, and where nobody speaks."""

from tasks.robustness.conditions import CONDITIONS as CONDITIONS
from tasks.robustness.conditions import Condition as Condition
from tasks.robustness.conditions import apply as apply
from tasks.robustness.conditions import drops as drops
from tasks.robustness.conditions import measure_conditions as measure_conditions
from tasks.robustness.no_voice import Abstention as Abstention
from tasks.robustness.no_voice import measure_abstention as measure_abstention
from tasks.robustness.no_voice import no_voice_sounds as no_voice_sounds
