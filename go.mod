module github.com/seed-5c07c2e9/dyplsq

go 1.26.0
