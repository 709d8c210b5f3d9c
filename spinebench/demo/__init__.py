"""A small benchmark that the project draws itself: phantoms of known disease and level, never real images."""

from spinebench.demo.benchmark import write_demo_benchmark
from spinebench.demo.phantoms import Phantom, View

__all__ = ["Phantom", "View", "write_demo_benchmark"]
