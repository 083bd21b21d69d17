module flock

go 1.24.0
