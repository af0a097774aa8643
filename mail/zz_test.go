package mail_test
import ("testing";"os";"portico/portal")
func TestZZ(t *testing.T){ m,_ := rendered(t, example(portal.MailInvitation), base+"/invitations/aW0AAAAAAAAAAXZndWZwNmRmNHpzc2t1eHNmNndxbzN2amptmpWUsWpe6F9MoHalzLdmCye9iq-87790jwOomaFSM4Q"); os.WriteFile("/tmp/m.html", []byte(m.HTML), 0o644)}
