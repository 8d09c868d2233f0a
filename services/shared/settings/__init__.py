"""Everything that a council can set, read once from the environment (`DP_...`) and from mounted secret files.

Settings are passed as an argument and cached nowhere; a `.env` file is not read. `installation` says what there is,
`unsafe` what production must not have, `development_secrets` makes what is missing, `loading` reads them all.
"""
