cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement: {listing: [{entryname: f, entry: $(inputs.r.f)}]}
inputs:
  r: {type: ["null", {type: record, fields: {f: File}}]}
outputs: []
