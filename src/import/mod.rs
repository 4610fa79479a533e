//! Files come in here: read, decoded, reprojected to longitude and latitude, with everything wrong reported.
