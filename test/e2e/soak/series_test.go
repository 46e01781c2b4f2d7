package soak

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// series are values over time.
type series struct {
	at     []time.Duration
	values []float64
}

func (s *series) add(at time.Duration, value float64) {
	s.at, s.values = append(s.at, at), append(s.values, value)
}

func (s *series) last() float64 {
	if s == nil || len(s.values) == 0 {
		return 0
	}
	return s.values[len(s.values)-1]
}

// after is the part from a moment on.
func (s *series) after(from time.Duration) *series {
	later := &series{}
	for i, at := range s.at {
		if at >= from {
			later.add(at, s.values[i])
		}
	}
	return later
}

func (s *series) mean() float64 {
	sum := 0.0
	for _, value := range s.values {
		sum += value
	}
	return sum / max(float64(len(s.values)), 1)
}

// slope is by how much the values grow an hour, by least squares.
func (s *series) slope() float64 {
	var meanAt float64
	for _, at := range s.at {
		meanAt += at.Hours() / float64(len(s.at))
	}
	mean, along, square := s.mean(), 0.0, 0.0
	for i, at := range s.at {
		off := at.Hours() - meanAt
		along += off * (s.values[i] - mean)
		square += off * off
	}
	if square == 0 {
		return 0
	}
	return along / square
}

// growth is what they grew by over their whole time, as a share of their mean.
func (s *series) growth() float64 {
	if len(s.at) == 0 || s.mean() == 0 {
		return 0
	}
	return s.slope() * (s.at[len(s.at)-1] - s.at[0]).Hours() / s.mean()
}

// String tells the mean, the extremes and the slope.
func (s *series) String() string {
	if len(s.values) == 0 {
		return "no samples"
	}
	least, most := s.values[0], s.values[0]
	for _, value := range s.values {
		least, most = math.Min(least, value), math.Max(most, value)
	}
	unit, mark := 1.0, ""
	if most > 1<<21 {
		unit, mark = 1<<20, " MB"
	}
	return fmt.Sprintf("mean %8.1f%s, from %.1f to %.1f, slope %+.1f%s an hour, %+.1f %% in all, %d samples",
		s.mean()/unit, mark, least/unit, most/unit, s.slope()/unit, mark, 100*s.growth(), len(s.values))
}

func TestSeriesTellsGrowthFromNoise(t *testing.T) {
	t.Parallel()
	var s series
	for i := range 11 {
		// a value a minute more, and noise
		s.add(time.Duration(i)*time.Minute, 100+float64(i)+float64(i%2))
	}
	if slope := s.slope(); slope < 58 || slope > 62 {
		t.Errorf("slope %.1f an hour", slope)
	}
	if growth := s.after(5 * time.Minute).growth(); growth < 0.04 || growth > 0.06 {
		t.Errorf("growth %.3f", growth)
	}
	if none := (&series{}).growth(); none != 0 {
		t.Errorf("growth of nothing %.3f", none)
	}
}
