cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  InitialWorkDirRequirement: {listing: [{entryname: r.json, entry: '$(inputs.r["f"].size)'}]}
inputs:
  r: {type: [string, {type: record, fields: {f: File}}]}
outputs: []
