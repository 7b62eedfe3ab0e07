winnow doctr
