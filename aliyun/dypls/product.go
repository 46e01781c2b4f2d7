package dypls

// The products of the first years, which stand in a ProductType parameter where the API takes one
// instead of a PoolKey (document of QueryRecordFileDownloadUrl, 2018).
const (
	ProductAXB170            = "AXB_170"
	ProductAXN170            = "AXN_170"
	ProductAXN95             = "AXN_95"
	ProductAXNExtensionReuse = "AXN_EXTENSION_REUSE"
)

// CallRestrict values: who may not dial X. Clear lifts an earlier restriction.
const (
	ControlAXDisable    = "CONTROL_AX_DISABLE"
	ControlBXDisable    = "CONTROL_BX_DISABLE"
	ControlClearDisable = "CONTROL_CLEAR_DISABLE"
)
