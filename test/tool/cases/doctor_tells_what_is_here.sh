WINNOW_DATA=$PWD WINNOW_ISA=base winnow doctor
