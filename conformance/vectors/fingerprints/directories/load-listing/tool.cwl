cwlVersion: v1.2
class: CommandLineTool
baseCommand: align
requirements:
  LoadListingRequirement: {loadListing: shallow_listing}
inputs: {d: Directory}
outputs: []
