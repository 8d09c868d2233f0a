"""One question in SQL for each kind of alert, all of the same form; `finder` says which. They know no session."""
