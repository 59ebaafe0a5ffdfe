cwlVersion: v1.0
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
baseCommand: align
hints:
  cwltool:WorkReuse: {enableReuse: true}
  cwltool:TimeLimit: {timelimit: 60}
  cwltool:InplaceUpdateRequirement: {inplaceUpdate: false}
  cwltool:NetworkAccess: {networkAccess: true}
  cwltool:LoadListingRequirement: {loadListing: no_listing}
inputs: []
outputs: []
