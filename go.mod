module filerace

go 1.26
