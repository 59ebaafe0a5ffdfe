"""cwltool's own tests that drive ``cwltool.main``, run by cwltool and through cwl-memo's entry.

Run it with ``python -m conformance.cwltool_tests``.
"""
