"""All benchmarks, one after the other: python -m benchmarks."""

import warnings

from benchmarks import memory, methods, patches
from signalscreen.errors import CompletenessWarning

warnings.simplefilter("ignore", CompletenessWarning)
methods.main()
patches.main([])
patches.main(["--long"])
memory.main()
