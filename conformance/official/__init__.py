"""The official CWL suites, run by plain cwltool and by cwl-memo, compared test by test.

Run it with ``python -m conformance.official SUITE…`` or ``make conformance``.
"""
