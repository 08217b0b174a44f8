"""What the import of the plots must not do."""

import subprocess
import sys


def test_import_does_not_load_matplotlib_pyplot():
    """Of the module itself: other parts of the package may need libraries that load it."""
    code = """
import sys, types, importlib.util
package = types.ModuleType("smartcore")
package.__path__ = importlib.util.find_spec("smartcore").submodule_search_locations
sys.modules["smartcore"] = package
import smartcore.pl
loaded = [m for m in ("matplotlib", "umap", "scanpy") if m in sys.modules]
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
