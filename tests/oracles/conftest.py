"""The scripts that made the numbers need packages that the tests do not."""

collect_ignore = ["make_captum.py", "make_shap.py", "make_zennit.py"]
