winnow methods && winnow models && winnow datasets && winnow methods kd-ticket && winnow datasets shapes && winnow settings optimizers && winnow settings sections data
