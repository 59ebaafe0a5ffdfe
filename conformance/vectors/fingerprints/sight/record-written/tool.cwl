cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement: {listing: [{entryname: r.json, entry: $(inputs.r)}]}
inputs:
  r: {type: {type: record, fields: {f: File, n: int}}}
outputs: []
