"""The histogram dock: counting, plotting and comparing layers, and actions on the active one."""
