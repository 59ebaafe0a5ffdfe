cwlVersion: v1.2
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#", ex: "http://example.org/"}
baseCommand: align
requirements:
  ResourceRequirement: {coresMin: 4, ramMin: 8000}
  WorkReuse: {enableReuse: true}
  InplaceUpdateRequirement: {inplaceUpdate: false}
  LoadListingRequirement: {loadListing: deep_listing}
  SchemaDefRequirement: {types: [{name: pair, type: record, fields: {a: int}}]}
hints:
  SoftwareRequirement: {packages: {align: {version: ["1.0"]}}}
  ex:Unknown: {x: 1}
  StepInputExpressionRequirement: {}
  MultipleInputFeatureRequirement: {}
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
  cwltool:Loop: {loopWhen: $(true)}
  cwltool:ProcessGenerator: {}
inputs: []
outputs: []
