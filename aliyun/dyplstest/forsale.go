package dyplstest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// ForSale are numbers of one kind and city that the platform has left to sell. Nobody buys them
// here.
type ForSale struct {
	// SpecID is their kind: dypls.SpecVirtual, dypls.SpecCarrier or dypls.Spec95.
	SpecID int
	// City is their city, without 市; none for those that begin with 95.
	City    string
	Numbers []dypls.Phone
}

func (f ForSale) validate() error {
	switch {
	case f.SpecID < dypls.SpecVirtual || f.SpecID > dypls.Spec95:
		return errors.New("the SpecID must be 1, 2 or 3: take dypls.SpecVirtual, SpecCarrier or Spec95")
	case (f.City == "") != (f.SpecID == dypls.Spec95):
		return errors.New("the City must be set unless SpecID is 3: name the city of the numbers")
	}
	for _, number := range f.Numbers {
		if !isDialable(string(number)) {
			return errors.New("the Numbers hold one that is not 3-20 digits: write digits only")
		}
	}
	return nil
}

func validateForSale(all []ForSale) error {
	for i, f := range all {
		if err := f.validate(); err != nil {
			return fmt.Errorf("dyplstest: Config.ForSale[%d]: %w", i, err)
		}
	}
	return nil
}

// queryRemain counts what is left to sell: in one city, in all together, or in each that has some.
func queryRemain(s *service, p parameters) answer {
	prefix := p.get("SecretNo")
	const longest = 18
	if prefix != "" && !digits(prefix, 1, longest) {
		return *illegalNumber("SecretNo")
	}
	spec, city := p.get("SpecId"), p.get("City")
	if spec == "3" && city != dypls.CityAnywhere {
		return *illegal("city must be " + dypls.CityAnywhere)
	}
	left, total := map[string]int{}, 0
	for _, f := range s.config.ForSale {
		if strconv.Itoa(f.SpecID) != spec {
			continue
		}
		for _, number := range f.Numbers {
			if strings.HasPrefix(string(number), prefix) {
				left[f.City]++
				total++
			}
		}
	}
	switch city {
	case dypls.CityNationalList:
		list := &remainListDTO{RemainDTO: []cityDTO{}}
		for name, n := range left {
			list.RemainDTO = append(list.RemainDTO, cityDTO{Amount: n, City: name})
		}
		slices.SortFunc(list.RemainDTO, func(a, b cityDTO) int { return cmp.Compare(a.City, b.City) })
		return ok(fields{SecretRemainDTO: &remainDTO{RemainDTOList: list}})
	case dypls.CityNational, dypls.CityAnywhere:
	default:
		total = left[city]
	}
	return ok(fields{SecretRemainDTO: &remainDTO{Amount: &total, City: city}})
}
