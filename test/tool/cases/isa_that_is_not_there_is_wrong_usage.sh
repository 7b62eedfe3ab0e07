WINNOW_ISA=vax winnow doctor
