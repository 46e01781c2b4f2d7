package dyplstest

import "slices"

// NotSimulated is what an action is answered with that the API has and the simulator lacks: a word
// of the simulator's own, so that nobody takes it for the API's.
const NotSimulated = "dyplstest.NotSimulated"

// notSimulated are the other actions of the API, version 2017-05-25, as its pages and its official
// SDK name them.
var notSimulated = []string{
	// The numbers of a pool, and lists.
	"BuySecretNo",
	"ReleaseSecretNo",
	"AddSecretBlacklist",
	"DeleteSecretBlacklist",
	"OperateBlackNo",
	"QueryCallStatus",
	// The filing of numbers.
	"CreatePhoneNoAReport",
	"CreateFixedNoAReport",
	"QuerySecretAPhoneNoToCust",
	"DeleteSecretAPhoneNoToCust",
	"GetDyplsOSSInfoForUploadFile",
	// Other products behind the same endpoint.
	"BindAxb700",
	"BindGxb700",
	"UpdateSubs700",
	"UnbindSubs700",
	"BindAxbFixedLine",
	"BindAxnFixedLine",
	"BindAxnExtensionFixedLine",
	"BindXB",
	"UnBindXB",
	"BindAXBCall",
	"UnBindAXB",
	"ConfigX",
	"GetXConfig",
	"GetXDefaultConfig",
	"ListXTelephones",
	"QuerySoundRecord",
	"CreateSmsSign",
	"AddAxnTrackNo",
	"QueryPhoneNoAByTrackNo",
	"CreatePickUpWaybill",
	"CreatePickUpWaybillPreQuery",
	"CancelPickUpWaybill",
}

// refuseAction says why there is no such action.
func refuseAction(name string) *answer {
	if slices.Contains(notSimulated, name) {
		return refuse(
			NotSimulated,
			"The API has "+name+", the simulator does not: it knows the actions that dyplstest.Actions names.",
		)
	}
	return refuse(
		"InvalidAction.NotFound",
		"Specified api is not found, please check your url and method.",
	)
}
