package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Role is something that a person may do.
type Role string

// The roles. Whoever has another one may see as well.
const (
	RoleSee     Role = "see"     // every page, numbers masked
	RoleOperate Role = "operate" // change something, where the dashboard allows actions at all
	RoleNumbers Role = "numbers" // look at whole numbers
	RoleListen  Role = "listen"  // play recordings
)

var allRoles = []Role{RoleSee, RoleOperate, RoleNumbers, RoleListen}

// usualRoles are those of whoever comes in without roles of their own.
var usualRoles = []Role{RoleSee, RoleOperate}

// Access is who asks, and what they may do. The zero value may do nothing.
type Access struct {
	User  string // "" where nobody has to log in
	Roles []Role
}

// May reports whether the role is among theirs.
func (a Access) May(role Role) bool { return slices.Contains(a.Roles, role) }

type accessKey struct{}

// AccessOf returns who makes a request that the dashboard's door let in, by its context.
func AccessOf(ctx context.Context) Access {
	access, _ := ctx.Value(accessKey{}).(Access)
	return access
}

func withAccess(r *http.Request, access Access) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), accessKey{}, access))
}

// parseRoles reads the third field of a line of the password file.
func parseRoles(text string) (roles []Role, err error) {
	for word := range strings.SplitSeq(text, ",") {
		role := Role(strings.TrimSpace(word))
		if !slices.Contains(allRoles, role) {
			return nil, errors.New("its roles must be some of see, operate, numbers and listen, with commas between them; " +
				"leave out the third field for see and operate")
		}
		roles = append(roles, role)
	}
	return withSee(roles), nil
}

// rolesOfHeader reads the roles that a proxy gives. It may send the groups of a directory: words
// that are no role give nothing.
func rolesOfHeader(values []string) (roles []Role) {
	for word := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if role := Role(strings.TrimSpace(word)); slices.Contains(allRoles, role) {
			roles = append(roles, role)
		}
	}
	return withSee(roles)
}

func withSee(roles []Role) []Role {
	if len(roles) > 0 && !slices.Contains(roles, RoleSee) {
		roles = append(roles, RoleSee)
	}
	return roles
}

// lacking tells somebody what they may not do, and who can change it.
func lacking(access Access, role Role) string {
	who := "you have"
	if access.User != "" {
		who = "this user has"
	}
	return fmt.Sprintf("%s no role %s: whoever keeps the password file, or the proxy, gives it", who, role)
}
